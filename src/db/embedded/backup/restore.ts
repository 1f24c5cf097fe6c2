import { access, mkdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { errorCode, hasNoSpace } from "../../faults.ts";
import { run } from "../binaries.ts";
import { type Cluster, clusterIn, findData, giveTo, nameData, placeCluster } from "../cluster.ts";
import { whileLocked } from "../file-lock.ts";
import { lockOf, makeHome, usersOf } from "../home.ts";
import { makeParts } from "../parts.ts";
import { stopPostmaster } from "../postmaster.ts";
import { bePresent } from "../presence.ts";
import { type EmbeddedOptions, tryOut } from "../start.ts";
import { type About, PLATFORM } from "./about.ts";
import { DamagedBackup } from "./damaged.ts";
import { unpack } from "./unpack.ts";

export interface RestoreOptions extends EmbeddedOptions {
  /** Takes the place of the database that is there, which is kept beside. */
  readonly overwrite?: boolean | undefined;
  readonly abort?: AbortSignal | undefined;
}

export interface Restored {
  readonly about: About;
  /** Where the database is now, and the one that was there before. */
  readonly data: string;
  readonly former: string | undefined;
}

/**
 * Makes a backup the database of a Docket folder. It is unpacked beside, checked, and started once, so that it has
 * recovered; then one step takes it into use. Until then, also when it is killed, all is as it was.
 * @throws Error saying what to do when there is a database already, a server uses it, or the file is not a whole backup
 *   of this system and version of PostgreSQL.
 */
export async function restoreBackup(path: string, folder: string, options: RestoreOptions = {}): Promise<Restored> {
  const file = resolve(path);
  await access(file).catch((cause: unknown) => {
    throw new Error(`${file} cannot be read (${errorCode(cause)}).`, { cause });
  });
  const home = await makeHome(folder);
  return await whileLocked(lockOf(home), () => restoreInto(home, file, options), options.abort);
}

async function restoreInto(home: string, file: string, options: RestoreOptions): Promise<Restored> {
  const { data: present, owner, isNamed } = await findData(home);
  let target: Cluster;
  if (owner === undefined) target = await placeCluster(home);
  else {
    if (!options.overwrite)
      throw new Error(
        `There is a database in ${home} already. Pass --overwrite to put the backup in its place (it is kept beside), ` +
          "or set DOCKET_HOME to another folder.",
      );
    target = await clusterIn(present, owner);
    await refuseUsed(home, target);
  }

  const place = dirname(target.data);
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const data = owner || isNamed ? join(place, `postgres-restored-${stamp}`) : target.data;
  const parts = await makeParts(target);
  try {
    const made = { ...target, data: join(parts, "data") };
    const about = await fill(made, file, options);
    await rename(made.data, data);
    await nameData(home, data);
    if (owner === undefined) return { about, data, former: undefined };
    const former = join(place, `postgres.before-${stamp}`);
    await rename(present, former);
    return { about, data, former };
  } finally {
    await rm(parts, { recursive: true, force: true });
    // One that root has made elsewhere, for this: it goes unless a database is in it.
    if (place !== home) await rmdir(place).catch(() => undefined);
  }
}

/** Unpacks the backup where nobody uses it yet, and tries it. */
async function fill(made: Cluster, file: string, options: RestoreOptions): Promise<About> {
  const { account, binaries } = made;
  const { output } = await run(binaries.postgres, ["--version"], account, dirname(made.data));
  const [version = output] = /\d+\.\d+/.exec(output) ?? [];
  await mkdir(made.data, { mode: 0o700 });
  await giveTo(account, made.data);
  const judge = (about: About) => {
    if (Number.parseInt(about.postgres, 10) !== Number.parseInt(version, 10))
      throw new Error(
        `${file} was made with PostgreSQL ${about.postgres}, and this Docket brings ${version}. ` +
          "Restore it with a Docket that brings the same, and carry it over by pg_dump (docs/backup.md).",
      );
    if (about.platform !== PLATFORM)
      throw new Error(
        `${file} was made on ${about.platform}, and this is ${PLATFORM}, which cannot read that. ` +
          "Restore it on such a machine, and carry it over by pg_dump (docs/backup.md).",
      );
  };
  try {
    const about = await unpack(file, { data: made.data, account, judge, abort: options.abort });
    await tryOut(made, options);
    options.abort?.throwIfAborted();
    return about;
  } catch (error) {
    options.abort?.throwIfAborted();
    if (hasNoSpace(error))
      throw new Error(
        `There is no room for the database of ${file} in ${dirname(dirname(made.data))}. Nothing was changed; make room, and restore it again.`,
        { cause: error },
      );
    if (!(error instanceof DamagedBackup)) throw error;
    throw new Error(`${file} is damaged or not whole: ${error.message}. Nothing was changed; take another backup.`, {
      cause: error,
    });
  }
}

/** @throws Error while a process uses the database; a PostgreSQL that outlived them all is stopped. */
async function refuseUsed(home: string, cluster: Cluster): Promise<void> {
  if (!bePresent(usersOf(home)).leave())
    throw new Error(`A Docket process uses the database in ${home}. Stop it first (Ctrl-C), then restore.`);
  await stopPostmaster(cluster);
}
