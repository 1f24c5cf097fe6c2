import type { Db } from "../db/database.ts";

/** What gives text searches their index, where the migration could not: for an administrator, in this database. */
export const MAKE_TEXT_INDEX =
  "CREATE EXTENSION IF NOT EXISTS pg_trgm; " +
  "CREATE INDEX CONCURRENTLY idx_task_texts ON task_texts USING gin (text gin_trgm_ops);";

/** Whether searching the texts of tasks has an index; without it, a search reads all of them. */
export async function hasTextIndex(db: Db): Promise<boolean> {
  const [found] = await db.read<{ there: boolean }>("SELECT to_regclass('public.idx_task_texts') IS NOT NULL AS there");
  return found?.there === true;
}
