import type { Db } from "../db/database.ts";
import { lockLane } from "./lane.ts";

const DUE = {
  name: "reservations-due",
  text: `SELECT namespace, artifact_type AS "artifactType" FROM id_reservations
WHERE confirmed_at IS NULL AND released_at IS NULL AND expired_at IS NULL AND expires_at <= (SELECT docket_now())
ORDER BY expires_at LIMIT 1`,
};
const HOLD = { name: "sequence-hold", text: "SELECT hold_sequence($1, $2)" };

/**
 * Tells of reservations whose time is over (`ids.expired`), of the sequence that waits longest, and lets their numbers go
 * back: what the next writer of the sequence would do as well, for those who wait for word and ask for no ID. A bite of
 * 500 at most; processes that do it at once take turns.
 * @returns whether there may be more.
 */
export async function expireReservations(db: Db): Promise<boolean> {
  const [due] = await db.read<{ namespace: string; artifactType: string }>(DUE);
  if (!due) return false;
  await db.transaction(
    async (tx) => {
      await lockLane(tx);
      await tx.write(HOLD, [due.namespace, due.artifactType]);
    },
    { idempotent: true },
  );
  return true;
}
