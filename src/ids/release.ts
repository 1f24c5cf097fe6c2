import { verb } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { badInput, reservationExpired } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { changeReservation, subject } from "./change-reservation.ts";
import { LOCK_LANE } from "./lane.ts";
import { type LockedReservation, lockReservation } from "./lock-reservation.ts";

export interface ReleaseReservation {
  readonly reservationId: string;
}

export interface Released {
  readonly projectId: string;
  readonly reservationId: string;
  readonly released: readonly string[];
}

/**
 * Gives a whole reservation back. One that was released before stays so.
 * @throws RESERVATION_EXPIRED, FORBIDDEN; BAD_USER_INPUT when it is confirmed, which is for good.
 */
export const releaseReservation = verb(
  {
    name: "releaseReservation",
    role: "agent",
    effect: "ends",
    scope: "project",
    idempotent: true,
    first: LOCK_LANE,
    on: lockReservation,
  },
  async (ctx, _input: ReleaseReservation, locked): Promise<Released> => {
    const { projectId, reservationId, status, ids } = locked;
    if (status === "confirmed")
      throw badInput(`Reservation ${reservationId} is confirmed; confirmed IDs are kept for good.`, { reservationId });
    if (status === "expired") throw reservationExpired(reservationId);
    if (status === "active") await releaseActive(ctx, locked);
    return { projectId, reservationId, released: ids };
  },
);

/** Releases an active reservation and tells so. */
export async function releaseActive(ctx: Context, locked: LockedReservation): Promise<void> {
  const { artifactType, ids } = locked;
  const changes = await changeReservation(ctx, locked, "released_at = docket_now()");
  await append(ctx, { type: "ids.released", ...subject(locked), payload: { artifactType, ids, changes } });
}
