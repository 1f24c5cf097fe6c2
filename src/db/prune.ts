import type { Db } from "./database.ts";

const BATCH = 500;
const PRUNE = { name: "prune-ended", text: "SELECT prune_ended($1) AS more" };

/**
 * Takes away what ended long ago and nobody needs: answers to idempotency keys after 30 days, browser sessions and
 * sign-in links 30 days after they expired, reservations 90 days after their numbers went back.
 * @returns whether there may be more.
 * @throws DATABASE_UNAVAILABLE
 */
export async function pruneEnded(db: Db): Promise<boolean> {
  const [pruned] = await db.write<{ more: boolean }>(PRUNE, [BATCH], { idempotent: true });
  return pruned?.more === true;
}
