import { combinedByKey } from "../db/combined-by-key.ts";
import type { Db } from "../db/database.ts";
import { errorCode } from "../db/faults.ts";
import { DocketError } from "../errors.ts";
import { PAUSED } from "../projects/open.ts";
import { type Idle, whyIdle } from "./idle.ts";
import { MOST_CLAIMS, TAKE_READY } from "./ready.ts";
import { type AskedTake, type Taken, type TakenRow, takeParameters, takeStatement } from "./take.ts";

export const TAKE_NEXT = takeStatement("task-claim-next", TAKE_READY);

/** What one look for a ready task comes to: the task, or why there is none. */
export type Look =
  | { readonly taken: Taken; readonly idle: null }
  | { readonly taken: null; readonly idle: Promise<Idle> };

/** A claim of the next task. */
export interface AskedNext extends AskedTake {
  readonly skills: readonly string[];
}

/** @param claims of the same skills. */
export const takeNextParameters = (projectId: string, claims: readonly AskedNext[]) => [
  ...takeParameters(projectId, claims),
  claims[0]?.skills ?? [],
];

/** Takes a ready task of a project for one claim: also inside a transaction. */
export async function takeReady(db: Db, projectId: string, claim: AskedNext): Promise<Look> {
  const [look] = await takeForEach(db, projectId, () => [claim]);
  if (!look) throw new Error("A claim was not answered");
  return look;
}

const ONCE = { idempotent: false };

/** @param claims those that take, once there is a connection; the same when asked again. */
async function takeForEach(
  db: Db,
  projectId: string,
  claims: () => readonly AskedNext[],
  options: { readonly idempotent: boolean } = ONCE,
) {
  const rows = await takenRows(db, projectId, claims, options);
  const taken = new Map(rows.map(({ place, ...task }) => [place, task]));
  let idle: Promise<Idle> | undefined;
  return claims().map((_, i): Look => {
    const task = taken.get(i + 1);
    if (task) return { taken: task, idle: null };
    // Asked once for all: it is as it was after all of them had looked.
    idle ??= whyIdle({ db }, projectId, inCommonOf(claims()));
    return { taken: null, idle };
  });
}

/** The tasks that were taken: none where the project was paused meanwhile. */
async function takenRows(
  db: Db,
  projectId: string,
  claims: () => readonly AskedNext[],
  options: { readonly idempotent: boolean },
) {
  try {
    return await db.write<TakenRow>(TAKE_NEXT, () => takeNextParameters(projectId, claims()), options);
  } catch (error) {
    // Of several each is tried alone.
    if (errorCode(error) === PAUSED && claims().length === 1) return [];
    throw error;
  }
}

/** The worker of claims that all are of one, and the skills that all have. */
function inCommonOf(claims: readonly AskedNext[]) {
  const workers = new Set(claims.map(({ worker }) => worker));
  const [worker = null] = workers.size === 1 ? workers : [];
  return { worker, skills: claims[0]?.skills ?? [] };
}

const combined = combinedByKey<AskedNext, Look>({
  largestBatch: MOST_CLAIMS,
  separable: (error) => !(error instanceof DocketError),
  wrote: ({ taken }) => taken !== null,
});

/** The same, together with others of the same skills that come while such a batch is under way. */
export function takeReadyTogether(db: Db, projectId: string, claim: AskedNext): Promise<Look> {
  const inCommon = [projectId, ...[...claim.skills].sort()];
  return combined(db, claim, inCommon, (take, options) => takeForEach(db, projectId, take, options));
}
