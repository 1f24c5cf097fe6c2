import { appendFile, rename, rm, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { run } from "./binaries.ts";
import {
  type Cluster,
  clusterIn,
  EMBEDDED_USER,
  findData,
  giveTo,
  LOCATION_FILE,
  nameData,
  PASSWORD_FILE,
  placeCluster,
  randomPassword,
  SETTINGS_FILE,
} from "./cluster.ts";
import { clearParts, makeParts } from "./parts.ts";

/**
 * The cluster of a Docket folder, initialised if there is none yet. Call it under the folder's lock.
 * @param durable false only for tests: do not wait for the disk.
 * @throws Error saying what to do when the data is missing, belongs to someone else, or initdb fails.
 */
export async function openCluster(home: string, durable: boolean): Promise<Cluster> {
  const { data, owner, isNamed } = await findData(home);
  if (owner !== undefined) {
    const cluster = await clusterIn(data, owner);
    await clearParts(cluster);
    return cluster;
  }
  if (isNamed) {
    throw new Error(
      `${join(home, LOCATION_FILE)} says that the database is in ${data}, but there is none. ` +
        "Put that folder back (from a backup), or use another Docket folder to begin with an empty database.",
    );
  }
  const cluster = await placeCluster(home);
  await initialise(cluster, durable);
  await nameData(home, cluster.data);
  return cluster;
}

async function initialise(cluster: Cluster, durable: boolean): Promise<void> {
  const { data, account, binaries } = cluster;
  if (account === undefined) refuseNamelessUser();
  const parts = await makeParts(cluster);
  try {
    const made = join(parts, "data");
    const passwordFile = join(parts, "password");
    await writeFile(passwordFile, `${randomPassword()}\n`, { mode: 0o600 });
    await giveTo(account, passwordFile);
    const result = await run(binaries.initdb, initdbArgs(made, passwordFile, durable), account, parts);
    if (result.code !== 0) throw new Error(`PostgreSQL could not make a database in ${data}:\n${result.output}`);
    await rename(passwordFile, join(made, PASSWORD_FILE));
    await appendFile(join(made, "postgresql.conf"), `\ninclude_if_exists '${SETTINGS_FILE}'\n`);
    await rename(made, data);
  } finally {
    await rm(parts, { recursive: true, force: true });
  }
}

function initdbArgs(data: string, passwordFile: string, durable: boolean): string[] {
  return [
    `--pgdata=${data}`,
    `--username=${EMBEDDED_USER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // PostgreSQL's own C.UTF-8 sorts the same everywhere, so no upgrade of the system can break an index.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    // pg_trgm still asks the system what counts as a letter, and macOS has no C.UTF-8.
    ...(process.platform === "win32"
      ? []
      : [`--lc-ctype=${process.platform === "darwin" ? "en_US.UTF-8" : "C.UTF-8"}`]),
    "--no-instructions",
    ...(durable ? [] : ["--no-sync"]),
  ];
}

/** initdb looks up the name of its user; a container may be run as a number that has none. */
function refuseNamelessUser(): void {
  try {
    userInfo();
  } catch (cause) {
    throw new Error(
      `PostgreSQL cannot make a database as user ${process.getuid?.()}, who has no name: add a line for that user to ` +
        "/etc/passwd, start Docket as another user, or set DATABASE_URL to a PostgreSQL of your own.",
      { cause },
    );
  }
}
