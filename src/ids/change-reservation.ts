import type { Context } from "../access/viewer.ts";
import type { Changes } from "../log/write/changes.ts";
import type { LockedReservation } from "./lock-reservation.ts";

/**
 * Sets columns of a locked reservation.
 * @param assignments SQL for the SET list; it may use $3 and on.
 * @returns every field that is another now.
 */
export async function changeReservation(
  { db }: Context,
  { namespace, reservationId }: LockedReservation,
  assignments: string,
  values: readonly unknown[] = [],
): Promise<Changes> {
  const [changed] = await db.write<{ changes: Changes }>(
    `WITH before AS (
       SELECT reservation_document(r) AS document FROM id_reservations r WHERE namespace = $1 AND reservation_id = $2
     )
     UPDATE id_reservations r SET ${assignments} FROM before WHERE namespace = $1 AND reservation_id = $2
     RETURNING changes_between(before.document, reservation_document(r)) AS changes`,
    [namespace, reservationId, ...values],
  );
  if (!changed) throw new Error(`Reservation ${reservationId} vanished under its lock`);
  return changed.changes;
}

/** The key of a reservation's events. */
export const subject = ({ projectId, reservationId }: LockedReservation) => ({
  projectId,
  subjectType: "reservation" as const,
  subjectId: reservationId,
});
