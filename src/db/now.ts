import type { Db } from "./database.ts";

const NOW = { name: "now", text: "SELECT docket_now() AS now" };

/** What the database's clock shows. */
export async function databaseNow(db: Db): Promise<Date> {
  const [row] = await db.read<{ readonly now: Date }>(NOW);
  if (!row) throw new Error("The database did not say what time it is");
  return row.now;
}
