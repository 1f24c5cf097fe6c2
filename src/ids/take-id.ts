import type { Context } from "../access/viewer.ts";
import type { Answer } from "../db/idempotency.ts";
import { type GiveIds, giveIds } from "./give.ts";

export type TakeId = GiveIds;

export interface Assigned {
  readonly id: string;
  /** The highest ID ever given before this call; null if there was none. */
  readonly lastAssigned: string | null;
}

/**
 * Gives one ID at once and for good: the lowest released one, else the next.
 * @throws PROJECT_NOT_FOUND, TASK_NOT_FOUND, ID_SPACE_EXHAUSTED, IDEMPOTENCY_KEY_REUSED, FORBIDDEN; BAD_USER_INPUT for
 *   an invalid type.
 */
export function takeId(ctx: Context, input: TakeId): Promise<Answer<Assigned>> {
  // It was called nextId first, and still is by old clients: their keys are the same.
  return giveIds<Assigned>(ctx, { operation: "nextId", input, count: 1, ttlSeconds: null });
}
