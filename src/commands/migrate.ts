import { loadConfig } from "../config/config.ts";
import { createDatabase } from "../db/create-database.ts";
import { migrate, migrateDown as undoMigrations } from "../db/migrate.ts";
import { explainMissingDatabase, findDatabase } from "./find-database.ts";
import { orExplain } from "./or-explain.ts";

/** `docket migrate`: brings the database up to date, creating it first where `create` is set. */
export async function migrateUp({ create = false }: { readonly create?: boolean } = {}): Promise<void> {
  await orExplain(async () => {
    await using running = new AsyncDisposableStack();
    const { url, ownerUrl } = await findDatabase(loadConfig(), running, { create });
    if (create && (await createDatabase(ownerUrl))) console.log("Created the database.");
    const { applied } = await migrate({ ownerUrl, loginUrl: url }).catch(explainMissingDatabase);
    console.log(applied.length === 0 ? "The database is up to date." : `Applied ${applied.join(", ")}.`);
  });
}

/** `docket migrate down`: undoes the newest migration. */
export async function migrateDown(): Promise<void> {
  await orExplain(async () => {
    await using running = new AsyncDisposableStack();
    const { ownerUrl } = await findDatabase(loadConfig(), running);
    const { undone } = await undoMigrations({ ownerUrl }).catch(explainMissingDatabase);
    console.log(undone.length === 0 ? "There is no migration to undo." : `Undone: ${undone.join(", ")}.`);
  });
}
