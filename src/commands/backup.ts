import { type Config, loadConfig } from "../config/config.ts";
import { restoreBackup } from "../db/embedded/backup/restore.ts";
import { takeBackup } from "../db/embedded/backup/take.ts";
import { findDatabase } from "./find-database.ts";
import { orExplain } from "./or-explain.ts";
import { shellWord } from "./shell-word.ts";

export interface BackupOptions {
  readonly overwrite?: boolean | undefined;
}

/** `docket backup`: writes the embedded database into one file, whether or not a server runs. */
export async function backup(file: string, { overwrite }: BackupOptions): Promise<void> {
  await orExplain(async () => {
    const config = loadConfig();
    refuseOwn(config.database, (url) => `pg_dump -Fc -f ${shellWord(file)} ${url}`);
    await using running = new AsyncDisposableStack();
    const { ownerUrl } = await findDatabase(config, running);
    const { file: written, bytes } = await takeBackup(ownerUrl, file, { overwrite, abort: untilSignal() });
    console.log(`Wrote ${written} (${(bytes / 1e6).toFixed(1)} MB). Whoever can read it can read the whole database.`);
  });
}

/** `docket restore`: makes such a file the embedded database. */
export async function restore(file: string, { overwrite }: BackupOptions): Promise<void> {
  await orExplain(async () => {
    const { database, home } = loadConfig();
    refuseOwn(database, (url) => `pg_restore --exit-on-error --no-owner -d ${url} ${shellWord(file)}`);
    const { about, data, former } = await restoreBackup(file, home, { overwrite, abort: untilSignal() });
    console.log(`Restored the database of ${about.madeAt} into ${data}.`);
    if (former !== undefined)
      console.log(`The one that was there is kept in ${former}; remove it when nobody misses it.`);
  });
}

/** The login of the server may not read all of the tables: that of their owner is named, where it is another. */
function refuseOwn({ url, ownerUrl }: Config["database"], commandFor: (url: string) => string): void {
  if (url === null) return;
  const command = commandFor(ownerUrl === url ? '"$DATABASE_URL"' : '"$DATABASE_OWNER_URL"');
  throw new Error(
    "This is for the PostgreSQL that comes with Docket, and DATABASE_URL names one of your own. " +
      `PostgreSQL's tools do it there; docs/backup.md has all the steps:\n${command}`,
  );
}

/** Ends the work in order, so that nothing is left half done. */
function untilSignal(): AbortSignal {
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => ending.abort(new Error(`${signal}: ended before it was done. Nothing was changed.`)));
  return ending.signal;
}
