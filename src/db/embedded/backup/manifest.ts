import { createHash } from "node:crypto";
import { z } from "zod";
import { DamagedBackup } from "./damaged.ts";

/** Names of what was found in a backup, with the SHA-256 of each. */
export type FoundFiles = ReadonlyMap<string, string>;

const Manifest = z.object({
  Files: z.array(z.object({ Path: z.string(), "Checksum-Algorithm": z.literal("SHA256"), Checksum: z.string() })),
});

/** PostgreSQL's log, each record of which has a checksum of its own; the manifest leaves it out. */
const isLog = (name: string) => name.startsWith("pg_wal/");

/**
 * Checks that files are all those of PostgreSQL's manifest, each as it was, and none besides.
 * @throws DamagedBackup
 */
export function checkManifest(text: string, found: FoundFiles): void {
  // The last line is the checksum of all before it.
  const [, covered = "", own] = /^(.*\n)"Manifest-Checksum": "([0-9a-f]{64})"\}\s*$/s.exec(text) ?? [];
  if (createHash("sha256").update(covered).digest("hex") !== own)
    throw new DamagedBackup("its list of files is damaged");
  const { Files: files } = Manifest.parse(JSON.parse(text));
  const listed = new Set(files.map(({ Path: path }) => path));
  for (const { Path: path, Checksum: checksum } of files)
    if (found.get(path) !== checksum)
      throw new DamagedBackup(`${path} in it is ${found.has(path) ? "damaged" : "missing"}`);
  for (const name of found.keys())
    if (!listed.has(name) && !isLog(name)) throw new DamagedBackup(`${name} in it does not belong there`);
  if (![...found.keys()].some(isLog)) throw new DamagedBackup("PostgreSQL's log is missing in it");
}
