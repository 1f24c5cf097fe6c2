import { verb } from "../access/verb.ts";
import { reservationExpired } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { changeReservation, subject } from "./change-reservation.ts";
import { LOCK_LANE } from "./lane.ts";
import { lockReservation } from "./lock-reservation.ts";
import { requireTtl } from "./request.ts";

export interface ExtendReservation {
  readonly reservationId: string;
  /** From now, in seconds; 15 minutes by default. */
  readonly ttlSeconds?: number | null | undefined;
}

const EXTENDED = "expires_at = greatest(expires_at, docket_now() + make_interval(secs => $3::int))";

/**
 * Holds an active reservation until `ttlSeconds` from now; never shortens it. A confirmed one needs no more time and
 * stays as it is.
 * @throws RESERVATION_EXPIRED, also for a released one; FORBIDDEN, BAD_USER_INPUT
 */
export const extendReservation = verb(
  {
    name: "extendReservation",
    role: "agent",
    effect: "changes",
    scope: "project",
    idempotent: true,
    first: LOCK_LANE,
    on: lockReservation,
  },
  async (ctx, { ttlSeconds }: ExtendReservation, locked) => {
    const { reservationId, projectId, status } = locked;
    const ttl = requireTtl(ttlSeconds);
    if (status === "confirmed") return { projectId, reservationId };
    if (status !== "active") throw reservationExpired(reservationId);
    const changes = await changeReservation(ctx, locked, EXTENDED, [ttl]);
    await append(ctx, { type: "ids.extended", ...subject(locked), payload: { changes } });
    return { projectId, reservationId };
  },
);
