import type { Context } from "../access/viewer.ts";
import { visibleProjects } from "../access/visibility.ts";
import { isUuid } from "../db/storable.ts";
import { reservationExpired } from "../errors.ts";

export type ReservationStatus = "active" | "confirmed" | "released" | "expired";

/**
 * A reservation whose row this transaction has locked: nothing about it changes until the commit. Its sequence is free
 * meanwhile; numbers that are given back return to it with the next one that is given.
 */
export interface LockedReservation {
  readonly reservationId: string;
  readonly namespace: string;
  readonly projectId: string;
  readonly artifactType: string;
  readonly ids: readonly string[];
  readonly status: ReservationStatus;
  readonly expiresAt: Date | null;
  /** Its numbers went back to their sequence, and somebody may have been given them. */
  readonly returned: boolean;
}

const LOCK = {
  name: "reservation-lock",
  text: `SELECT r.reservation_id AS "reservationId", r.namespace, r.project_id AS "projectId",
  r.artifact_type AS "artifactType", artifact_ids(r.artifact_type, r.numbers) AS ids, reservation_status(r) AS status,
  r.expires_at AS "expiresAt", r.returned_at IS NOT NULL AS returned
FROM id_reservations r WHERE r.reservation_id = $1 AND ($2::text[] IS NULL OR r.project_id = ANY ($2))
FOR NO KEY UPDATE`,
};

/**
 * Inside a transaction that called lockLane.
 * @throws RESERVATION_EXPIRED for one that does not exist, or lies outside the viewer's projects.
 */
export async function lockReservation(
  { db, viewer }: Context,
  { reservationId }: { readonly reservationId: string },
): Promise<LockedReservation> {
  if (!isUuid(reservationId)) throw reservationExpired(reservationId);
  const [locked] = await db.write<LockedReservation>(LOCK, [reservationId, visibleProjects(viewer)]);
  if (!locked) throw reservationExpired(reservationId);
  return locked;
}
