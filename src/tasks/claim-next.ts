import { type Answer, type KeyedRequest, replay } from "../access/idempotency.ts";
import { verbWithOwnKey, visibleProject } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { errorCode } from "../db/faults.ts";
import { type Idle, whyIdle } from "./idle.ts";
import { requireAttemptInput } from "./lease.ts";
import { firstReady } from "./ready.ts";
import { type Taken, takeParameters, takeStatement, workerOf } from "./take.ts";

export interface ClaimNextTask {
  readonly projectId: string;
  readonly worker?: string | null | undefined;
  /** Default: the project's lease. */
  readonly leaseSeconds?: number | null | undefined;
}

export interface Claim {
  /** null: there was nothing to take, and `idle` says why. */
  readonly taken: Taken | null;
  readonly idle: Idle | null;
  /** The name under which the caller claims. Absent from answers that an older server stored. */
  readonly worker?: string;
}

/** A key that has its answer takes nothing more; the numbers are those of `takeParameters`. */
const NOT_ANSWERED = "NOT EXISTS (SELECT FROM idempotency_keys k WHERE k.actor = $4 AND k.key = $7)";

/** SKIP LOCKED: two claims never wait for one row. NO KEY: a row that only a foreign key refers to just now is not skipped. */
export const TAKE_NEXT = takeStatement("task-claim-next", firstReady("FOR NO KEY UPDATE SKIP LOCKED", NOT_ANSWERED));

/** Someone else stored the answer of this key first. */
const UNIQUE_VIOLATION = "23505";
/** Looks when eligible tasks were only locked by other claims. */
const LOOKS = 3;

/**
 * Takes the next ready task of a project. Two callers never get the same one. An idle answer is not stored under the
 * idempotency key: asked again, there may be work.
 * @throws PROJECT_NOT_FOUND, FORBIDDEN, IDEMPOTENCY_KEY_REUSED
 */
export const claimNextTask = verbWithOwnKey(
  {
    name: "claimNextTask",
    role: "agent",
    effect: "changes",
    scope: "project",
    idempotent: false,
    ofSession: true,
    on: (ctx: Context, input: ClaimNextTask) => {
      requireAttemptInput(input);
      return visibleProject(ctx, input);
    },
  },
  async (ctx, input: ClaimNextTask, kept): Promise<Answer<Claim>> => {
    try {
      return await takeNext(ctx, input, kept);
    } catch (error) {
      if (!kept || errorCode(error) !== UNIQUE_VIOLATION) throw error;
      const first = await answeredBefore(ctx, input, kept);
      if (!first) throw error;
      return first;
    }
  },
);

/** The claim itself, also inside another verb's transaction (then without a key of its own). */
export async function takeNext(ctx: Context, input: ClaimNextTask, kept: KeyedRequest | null): Promise<Answer<Claim>> {
  const worker = workerOf(ctx, input);
  const parameters = takeParameters(input.projectId, ctx, input, kept);
  for (let look = 1; ; look++) {
    const [taken] = await ctx.db.write<Taken>(TAKE_NEXT, parameters, { idempotent: kept !== null });
    if (taken) return { taken, idle: null, worker, replayed: false };
    const idle = await whyIdle(ctx, input.projectId);
    // Asked last: a request with the same key may have taken its task while this one looked.
    const first = kept && (await answeredBefore(ctx, input, kept));
    if (first) return first;
    if (idle.pending === 0 || look === LOOKS) return { taken: null, idle, worker, replayed: false };
  }
}

/** The first answer to this key; undefined where it has none yet. @throws IDEMPOTENCY_KEY_REUSED */
async function answeredBefore(
  ctx: Context,
  input: ClaimNextTask,
  kept: KeyedRequest,
): Promise<Answer<Claim> | undefined> {
  const taken = await replay<Taken>(ctx, kept);
  return taken && { taken, idle: null, worker: workerOf(ctx, input), replayed: true };
}
