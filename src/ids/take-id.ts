import { verbWithOwnKey, visibleProject } from "../access/verb.ts";
import { type GiveIds, giveIds, identityOf } from "./give.ts";

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
export const takeId = verbWithOwnKey(
  {
    name: "takeId",
    // It was called nextId first, and still is by old clients: their keys are the same.
    operation: "nextId",
    identity: identityOf,
    role: "agent",
    effect: "adds",
    scope: "project",
    idempotent: false,
    on: visibleProject,
  },
  async (ctx, input: GiveIds, keyed) => {
    const { answer } = await giveIds<Assigned>(ctx, { operation: "nextId", input, keyed, count: 1, ttlSeconds: null });
    return answer;
  },
);
