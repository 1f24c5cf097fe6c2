import type { Db } from "../../db/database.ts";

const DETACH = { name: "log-detach", text: "SELECT detach_log_partition(make_interval(months => $1)) AS name" };

/**
 * Takes the oldest partition out of the log when everything in it is older than `months`. Safe on any number of
 * processes; readers and the drain wait for a fifth of a second at most.
 * @param months 1 or more.
 * @returns the table that holds it from now on; null when nothing is old enough, or the log is in use just now.
 * @throws DATABASE_UNAVAILABLE
 */
export async function takeOutOldest(db: Db, months: number): Promise<string | null> {
  // Run again after a lost answer, it may take out the next partition as well: that is due, too.
  const [row] = await db.write<{ name: string | null }>(DETACH, [months], { idempotent: true });
  return row?.name ?? null;
}
