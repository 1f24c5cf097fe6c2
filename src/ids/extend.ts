import { once } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import type { Answer } from "../db/idempotency.ts";
import { reservationExpired } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { changesBetween } from "../log/write/changes.ts";
import { lockLane } from "./lane.ts";
import { lockReservation } from "./lock-reservation.ts";
import { requireTtl } from "./request.ts";

export interface ExtendReservation {
  readonly reservationId: string;
  /** From now, in seconds; 15 minutes by default. */
  readonly ttlSeconds?: number | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

const EXTEND = {
  name: "reservation-extend",
  text: `UPDATE id_reservations SET expires_at = greatest(expires_at, docket_now() + make_interval(secs => $3::int))
WHERE namespace = $1 AND reservation_id = $2 RETURNING expires_at AS "expiresAt"`,
};

/**
 * Holds an active reservation until `ttlSeconds` from now; never shortens it. A confirmed one needs no more time and
 * stays as it is.
 * @throws RESERVATION_EXPIRED, also for a released one; FORBIDDEN, BAD_USER_INPUT
 */
export function extendReservation(ctx: Context, input: ExtendReservation): Promise<Answer<{ reservationId: string }>> {
  return once(ctx, { operation: "extendReservation", role: "agent", input, before: lockLane }, async (inside) => {
    const ttl = requireTtl(input.ttlSeconds);
    const { reservationId, namespace, projectId, status, expiresAt } = await lockReservation(
      inside,
      input.reservationId,
    );
    if (status === "confirmed") return { projectId, reservationId };
    if (status !== "active") throw reservationExpired(reservationId);
    const [extended] = await inside.db.write<{ expiresAt: Date }>(EXTEND, [namespace, reservationId, ttl]);
    await append(inside, {
      type: "ids.extended",
      projectId,
      subjectType: "reservation",
      subjectId: reservationId,
      payload: { changes: await changesBetween(inside, { expiresAt }, { ...extended }) },
    });
    return { projectId, reservationId };
  });
}
