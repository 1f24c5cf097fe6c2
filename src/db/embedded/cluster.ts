import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Account, canReach, isRoot, unprivilegedAccount } from "./account.ts";
import { type Binaries, findBinaries } from "./binaries.ts";

/** A PostgreSQL cluster of ours: where its data lies and how to run it. */
export interface Cluster {
  /** PostgreSQL's data folder, complete: it is made elsewhere and renamed when done. */
  readonly data: string;
  /** The owner of `data` when this process is root; undefined when PostgreSQL runs as this process's own user. */
  readonly account: Account | undefined;
  readonly binaries: Binaries;
}

/** The superuser of the embedded cluster. */
export const EMBEDDED_USER = "docket";
/** Where root keeps what PostgreSQL's user cannot reach under the Docket folder. */
const SHELTER = "/var/lib/docket";
/** In the Docket folder. */
export const DATA_FOLDER = "postgres";
/** In the Docket folder: names the data folder when it is another one. */
export const LOCATION_FILE = "postgres-location";
/** In the data folder, so that it can neither be lost without the data nor mixed up with another's. */
export const PASSWORD_FILE = "docket-password";
/** Beside it: the password of the login that the server works with. */
const SERVER_PASSWORD_FILE = "docket-server-password";
/** In the data folder: our settings, rewritten at each start; what stands below its include in postgresql.conf wins. */
export const SETTINGS_FILE = "docket.conf";

/** Whether a Docket folder has a database, here or in the place that it names. Makes nothing. */
export async function hasCluster(home: string): Promise<boolean> {
  const { owner, isNamed } = await findData(home);
  return isNamed || owner !== undefined;
}

interface FoundData {
  readonly data: string;
  /** Undefined where there is no cluster. */
  readonly owner: Account | undefined;
  /** Whether the Docket folder names the place. */
  readonly isNamed: boolean;
}

/** Where the data of a Docket folder is, or is to be. Makes nothing. */
export async function findData(home: string): Promise<FoundData> {
  const named = await readFile(join(home, LOCATION_FILE), "utf8").catch(() => undefined);
  const data = resolve(home, named?.trim() ?? DATA_FOLDER);
  return { data, owner: await ownerOfCluster(data), isNamed: named !== undefined };
}

/** The cluster that lies there. @throws Error where it cannot be run */
export async function clusterIn(data: string, owner: Account): Promise<Cluster> {
  if (!isRoot() && owner.uid !== process.getuid?.()) {
    throw new Error(`${data} belongs to another user (uid ${owner.uid}). Start Docket as that user, or as root.`);
  }
  return await runnable(data, isRoot() ? owner : undefined);
}

/** A cluster that is still to be made, where the user that PostgreSQL runs as can reach it. @throws Error */
export async function placeCluster(home: string): Promise<Cluster> {
  const account = isRoot() ? await unprivilegedAccount() : undefined;
  const cluster = await runnable(join(home, DATA_FOLDER), account);
  if (!account) return cluster;
  if (await canReach(dirname(home), account)) {
    // Only passing through: keys in the Docket folder are readable by their owner alone.
    await chmod(home, (await stat(home)).mode | 0o011);
    return cluster;
  }
  await mkdir(SHELTER, { recursive: true, mode: 0o755 });
  const place = await mkdtemp(join(SHELTER, "data-"));
  await chmod(place, 0o711);
  return { ...cluster, data: join(place, DATA_FOLDER) };
}

/** Makes this the database of a Docket folder, in one step. */
export async function nameData(home: string, data: string): Promise<void> {
  const file = join(home, LOCATION_FILE);
  if (data === join(home, DATA_FOLDER)) return await rm(file, { force: true });
  // A Docket folder may be moved, with what is in it.
  const name = dirname(data) === home ? basename(data) : data;
  await writeFile(`${file}.new`, `${name}\n`, { flush: true });
  await rename(`${file}.new`, file);
}

async function runnable(data: string, account: Account | undefined): Promise<Cluster> {
  const binaries = await findBinaries(account, SHELTER);
  refuseOddPaths(binaries.postgres, data);
  return { data, account, binaries };
}

/** The superuser's random password. */
export async function clusterPassword(cluster: Cluster): Promise<string> {
  return (await readFile(join(cluster.data, PASSWORD_FILE), "utf8")).trim();
}

/** The random password of the login that the server works with. Call it under the folder's lock. */
export async function serverPassword(cluster: Cluster): Promise<string> {
  const file = join(cluster.data, SERVER_PASSWORD_FILE);
  const known = (await readFile(file, "utf8").catch(() => "")).trim();
  if (known !== "") return known;
  const password = randomPassword();
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  await giveTo(cluster.account, file);
  return password;
}

/** Replaces our settings; they hold from the next start. */
export async function writeSettings(cluster: Cluster, settings: Readonly<Record<string, string>>): Promise<void> {
  const quote = (value: string) => `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quote(value)}\n`);
  const text = `# Written by Docket at each start. Put your own settings at the end of postgresql.conf.\n${lines.join("")}`;
  const file = join(cluster.data, SETTINGS_FILE);
  if ((await readFile(file, "utf8").catch(() => "")) === text) return;
  // In one step: on a full disk half a file would start a server that listens where it should not.
  const part = `${file}.new`;
  await writeFile(part, text);
  await giveTo(cluster.account, part);
  await rename(part, file);
}

/** Hands a file or folder to the user that PostgreSQL runs as. */
export async function giveTo(account: Account | undefined, path: string): Promise<void> {
  if (account) await chown(path, account.uid, account.gid);
}

export function randomPassword(): string {
  return randomBytes(24).toString("base64url");
}

async function ownerOfCluster(data: string): Promise<Account | undefined> {
  try {
    // A folder without PG_VERSION is no cluster: nothing of ours leaves a half-made one under this name.
    const { uid, gid } = await stat(join(data, "PG_VERSION"));
    return { uid, gid };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new Error(`The database in ${data} cannot be opened. Start Docket as the user who made it.`, {
      cause: error,
    });
  }
}

/** PostgreSQL's own tools start each other through a shell, between double quotes. */
function refuseOddPaths(program: string, data: string): void {
  const isOdd = (path: string) => process.platform !== "win32" && /["$`\\\n]/.test(path);
  const refuse = (path: string, remedy: string) => {
    throw new Error(
      `PostgreSQL cannot run in ${dirname(path)}: the path has a character (one of " $ \` \\) that its tools cannot take. ` +
        `${remedy}, or set DATABASE_URL to a PostgreSQL of your own.`,
    );
  };
  if (isOdd(program)) refuse(program, "Move the folder that Docket is installed in");
  if (isOdd(data)) refuse(data, "Move the folder, set DOCKET_HOME to another one");
}
