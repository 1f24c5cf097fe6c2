import { requireReservation } from "../access/rate-limits.ts";
import { verbWithOwnKey, visibleProject } from "../access/verb.ts";
import { badInput } from "../errors.ts";
import { type GiveIds, giveIds, identityOf } from "./give.ts";
import { requireTtl } from "./request.ts";
import type { Reservation } from "./reservations.ts";

export interface ReserveIds extends GiveIds {
  /** 1–100; 1 by default. */
  readonly count?: number | null | undefined;
  /** How long the numbers are held unconfirmed, in seconds; 15 minutes by default. */
  readonly ttlSeconds?: number | null | undefined;
}

export interface Reserved {
  readonly reservationId: string;
  readonly reservedIds: string[];
}

const LARGEST_COUNT = 100;

/**
 * The reservation that an answer tells of, where it has just been made: nobody need look for it. It is kept beside the
 * answer, as that is given again under its key when the reservation may have changed.
 */
const made = new WeakMap<Reserved, Reservation>();

export const justMade = (answer: Reserved): Reservation | undefined => made.get(answer);

/**
 * Reserves consecutive IDs: the lowest released run that fits, else the next numbers. They are held for the project
 * until they expire.
 * @throws PROJECT_NOT_FOUND, TASK_NOT_FOUND, ID_SPACE_EXHAUSTED, IDEMPOTENCY_KEY_REUSED, FORBIDDEN, RATE_LIMITED; BAD_USER_INPUT for
 *   an invalid type, count or time.
 */
export const reserveIds = verbWithOwnKey(
  {
    name: "reserveIds",
    identity: identityOf,
    role: "agent",
    effect: "adds",
    scope: "project",
    idempotent: false,
    on: visibleProject,
  },
  async (ctx, input: ReserveIds, keyed) => {
    if (ctx.limits) requireReservation(ctx.limits, ctx.viewer.actor, input.projectId);
    const count = input.count ?? 1;
    if (!Number.isInteger(count) || count < 1 || count > LARGEST_COUNT)
      throw badInput(`count is ${count}; it must be from 1 to ${LARGEST_COUNT}. For more, reserve again.`);
    const ttlSeconds = requireTtl(input.ttlSeconds);
    const { answer, rest } = await giveIds<Reserved>(ctx, { operation: "reserveIds", input, keyed, count, ttlSeconds });
    if (rest) {
      const { reservedAt, expiresAt, ...of } = rest;
      made.set(answer, {
        ...of,
        reservationId: answer.reservationId,
        ids: answer.reservedIds,
        status: "active",
        reservedAt: new Date(reservedAt),
        expiresAt: new Date(expiresAt),
        confirmedAt: null,
        releasedAt: null,
      });
    }
    return answer;
  },
);
