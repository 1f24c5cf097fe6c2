import type { Context } from "../access/viewer.ts";
import { visibleProjects } from "../access/visibility.ts";
import { reservationExpired } from "../errors.ts";

export type ReservationStatus = "active" | "confirmed" | "released" | "expired";

/** A reservation whose sequence this transaction has locked: nothing about it changes until the commit. */
export interface LockedReservation {
  readonly reservationId: string;
  readonly namespace: string;
  readonly projectId: string;
  readonly artifactType: string;
  readonly ids: readonly string[];
  readonly status: ReservationStatus;
  readonly expiresAt: Date | null;
}

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const LOCK = {
  name: "reservation-lock",
  text: `SELECT r.namespace FROM id_reservations r JOIN id_registry g USING (namespace, artifact_type)
WHERE r.reservation_id = $1 AND ($2::text[] IS NULL OR r.project_id = ANY ($2)) FOR UPDATE OF g`,
};
// A statement of its own: it must see what was committed while the lock was waited for.
const LOOK = {
  name: "reservation-look",
  text: `SELECT r.reservation_id AS "reservationId", r.namespace, r.project_id AS "projectId",
  r.artifact_type AS "artifactType", artifact_ids(r.artifact_type, r.numbers) AS ids, reservation_status(r) AS status,
  r.expires_at AS "expiresAt"
FROM id_reservations r WHERE r.namespace = $1 AND r.reservation_id = $2`,
};

/**
 * Inside a transaction that called lockLane.
 * @throws RESERVATION_EXPIRED for one that does not exist, or lies outside the viewer's projects.
 */
export async function lockReservation({ db, viewer }: Context, reservationId: string): Promise<LockedReservation> {
  if (!UUID.test(reservationId)) throw reservationExpired(reservationId);
  const [found] = await db.write<{ namespace: string }>(LOCK, [reservationId, visibleProjects(viewer)]);
  const [locked] = found ? await db.read<LockedReservation>(LOOK, [found.namespace, reservationId]) : [];
  if (!locked) throw reservationExpired(reservationId);
  return locked;
}

const RETURN = { name: "numbers-return", text: "SELECT return_numbers($1, $2)" };

/** Gives back what has ended, as far as the namespace's reuse allows by now. */
export async function returnNumbers({ db }: Context, { namespace, artifactType }: LockedReservation): Promise<void> {
  await db.write(RETURN, [namespace, artifactType]);
}
