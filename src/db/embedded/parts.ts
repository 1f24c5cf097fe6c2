import { mkdtemp, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Cluster, DATA_FOLDER, giveTo } from "./cluster.ts";
import { stopPostmaster } from "./postmaster.ts";

const PREFIX = `${DATA_FOLDER}.new-`;

/** A folder for making a cluster, beside where it will be. Call it under the Docket folder's lock. */
export async function makeParts(cluster: Cluster): Promise<string> {
  await clearParts(cluster);
  const parts = await mkdtemp(join(dirname(cluster.data), PREFIX));
  await giveTo(cluster.account, parts);
  return parts;
}

/**
 * Removes such folders that were left by who was killed; a PostgreSQL may have outlived it and hold one. Call it under the
 * Docket folder's lock.
 */
export async function clearParts(cluster: Cluster): Promise<void> {
  const place = dirname(cluster.data);
  for (const entry of await readdir(place)) {
    if (!entry.startsWith(PREFIX)) continue;
    const parts = join(place, entry);
    await stopPostmaster({ ...cluster, data: join(parts, "data") });
    await rm(parts, { recursive: true });
  }
}
