import { type Answer, type KeyedRequest, replay } from "../access/idempotency.ts";
import { verbWithOwnKey } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { requireVisible } from "../access/visibility.ts";
import { errorCode, UNIQUE_VIOLATION } from "../db/faults.ts";
import { type AskedFor, wantedOf } from "./asked-for.ts";
import type { Idle } from "./idle.ts";
import { requireAttemptInput } from "./lease.ts";
import { type Taken, workerOf } from "./take.ts";
import {
  type AskedNext,
  LIMITED,
  type Look,
  takeInTurn,
  takeReady,
  takeReadyTogether,
  takeWithin,
} from "./take-ready.ts";

export interface ClaimNextTask extends AskedFor {
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

/** Looks when eligible tasks were only locked by other claims. */
const LOOKS = 3;

/**
 * Takes the next ready task of a project, or of several: the most urgent, then that of the project with the fewest tasks in
 * progress. Two callers never get the same one. An idle answer is not stored under the
 * idempotency key: asked again, there may be work.
 * @throws PROJECT_NOT_FOUND, FORBIDDEN, IDEMPOTENCY_KEY_REUSED
 */
export const claimNextTask = verbWithOwnKey(
  {
    name: "claimNextTask",
    role: "agent",
    effect: "changes",
    scope: "projects",
    idempotent: false,
    ofSession: true,
    on: async (ctx: Context, input: ClaimNextTask) => {
      requireAttemptInput(input);
      for (const projectId of wantedOf(input).projects) requireVisible(ctx.viewer, projectId);
    },
  },
  async (ctx, input: ClaimNextTask, kept): Promise<Answer<Claim>> => {
    try {
      return await takeNext(ctx, input, kept, WITH_OTHERS);
    } catch (error) {
      if (!kept || errorCode(error) !== UNIQUE_VIOLATION) throw error;
      const first = await answeredBefore(ctx, input, kept);
      if (!first) throw error;
      return first;
    }
  },
);

type Take = (db: Context["db"], claim: AskedNext) => Promise<Look>;

/** How a claim looks: first; alone, where something is kept for its worker; and in turn, where projects have limits. */
interface Ways {
  readonly first: Take;
  readonly alone: Take;
  readonly inTurn: Take;
}
const WITH_OTHERS: Ways = { first: takeReadyTogether, alone: takeReady, inTurn: takeInTurn };
/** Within a transaction. */
export const ALONE: Ways = { first: takeReady, alone: takeReady, inTurn: takeWithin };

/** The claim itself, also inside another verb's transaction (then without a key of its own). */
export async function takeNext(
  ctx: Context,
  input: ClaimNextTask,
  kept: KeyedRequest | null,
  { first, alone, inTurn }: Ways,
): Promise<Answer<Claim>> {
  const { leaseSeconds = null } = input;
  const worker = workerOf(ctx, input);
  const wanted = wantedOf(input);
  let take = first;
  for (let look = 1; ; look++) {
    const found = await take(ctx.db, { worker, leaseSeconds, wanted, by: ctx, kept });
    if (found.taken) return { taken: found.taken, idle: null, worker, replayed: false };
    const why = await found.why;
    // Asked last: a request with the same key may have taken its task while this one looked.
    const answered = kept && (await answeredBefore(ctx, input, kept));
    if (answered) return answered;
    if (why === LIMITED) {
      take = inTurn;
      continue;
    }
    if (take === first && take !== alone && why.reasons.some(({ reason }) => reason === "assigned")) {
      // What is kept for this worker is taken by a claim of it alone.
      take = alone;
      continue;
    }
    if (why.pending === 0 || look >= LOOKS) return { taken: null, idle: why, worker, replayed: false };
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
