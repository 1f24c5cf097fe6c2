import type { Db } from "../db/database.ts";
import { lockLane } from "./lane.ts";

/** SQL of `id_reservations`: what ends when its time is over, and has not; exactly the predicate of idx_reservations_due. */
export const STILL_TO_END =
  "confirmed_at IS NULL AND released_at IS NULL AND expired_at IS NULL AND returned_at IS NULL";

const DUE = {
  name: "sequences-due",
  text: `SELECT namespace, artifact_type AS "artifactType" FROM (
  SELECT namespace, artifact_type, expires_at FROM id_reservations
  WHERE ${STILL_TO_END} AND expires_at <= (SELECT docket_now())
  ORDER BY expires_at LIMIT 10000) due
GROUP BY 1, 2 ORDER BY min(expires_at)`,
};
/** As `DUE` asks, by idx_reservations_due. */
const NEXT = {
  name: "reservations-due",
  text: `SELECT extract(epoch FROM expires_at - (SELECT docket_now()))::float8 * 1000 AS "dueInMs" FROM id_reservations
WHERE ${STILL_TO_END}
ORDER BY expires_at LIMIT 1`,
};
const HOLD = { name: "sequence-hold", text: "SELECT hold_sequence($1, $2)" };

/**
 * Milliseconds until the first reservation expires that the log does not tell of yet; negative when it has expired, null
 * when there is none.
 */
export async function reservationsDueInMs(db: Db): Promise<number | null> {
  const [next] = await db.read<{ dueInMs: number }>(NEXT);
  return next?.dueInMs ?? null;
}

/**
 * Tells of reservations whose time is over (`ids.expired`), of 500 of each sequence at most, and lets their numbers go
 * back: what the next writer of a sequence would do as well, for those who wait for word and ask for no ID. Processes
 * that do it at once take turns.
 * @returns whether there may be more.
 * @throws what one of them failed with, when all others were told of.
 */
export async function expireReservations(db: Db): Promise<boolean> {
  const due = await db.read<{ namespace: string; artifactType: string }>(DUE);
  const failures: unknown[] = [];
  for (const { namespace, artifactType } of due) {
    const held = db.transaction(
      async (tx) => {
        await lockLane(tx);
        await tx.write(HOLD, [namespace, artifactType]);
      },
      { idempotent: true },
    );
    await held.catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
  return due.length > 0;
}
