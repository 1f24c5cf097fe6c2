import { SERVER } from "../access/viewer.ts";
import { loadConfig } from "../config/config.ts";
import { type Db, openDatabase } from "../db/database.ts";
import { archiveSettled } from "../tasks/archive.ts";
import { findDatabase } from "./find-database.ts";
import { orExplain } from "./or-explain.ts";

/** A century. */
const MOST_DAYS = 36_500;

/** Undoes what was only tried. */
class Tried extends Error {}

export interface ArchiveOptions {
  readonly days?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** `docket archive`: archives what was settled so long ago, all of it. */
export async function archive({ days, dryRun = false }: ArchiveOptions): Promise<void> {
  await orExplain(async () => {
    await using running = new AsyncDisposableStack();
    const config = loadConfig();
    const after = days === undefined ? config.tasks.archiveAfterDays : Number(days);
    if (days === undefined && after === 0)
      throw new Error("Say with --days after how many days: ARCHIVE_AFTER_DAYS is 0, which keeps all.");
    if (!Number.isInteger(after) || after < 1 || after > MOST_DAYS)
      throw new Error(`--days is ${days}; it must be a whole number from 1 to ${MOST_DAYS}.`);
    const { url } = await findDatabase(config, running);
    const database = openDatabase({ url, size: 1, applicationName: "docket archive" });
    running.defer(() => database.close());
    let archived = 0;
    const all = async (db: Db) => {
      const ctx = { db, viewer: SERVER, correlationId: "archive" };
      for (let more = 1; more > 0; archived += more) more = await archiveSettled(ctx, after);
    };
    if (!dryRun) await all(database);
    else
      await database
        .transaction(async (db) => {
          await all(db);
          throw new Tried();
        })
        .catch((error: unknown) => {
          if (!(error instanceof Tried)) throw error;
        });
    const tasks = `${archived} ${archived === 1 ? "task" : "tasks"}`;
    console.log(`${dryRun ? "Would archive" : "Archived"} ${tasks} completed or deleted more than ${after} days ago.`);
  });
}
