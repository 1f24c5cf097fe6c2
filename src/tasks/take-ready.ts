import { combinedByKey, rowOfEach } from "../db/combined-by-key.ts";
import type { Db } from "../db/database.ts";
import { errorCode } from "../db/faults.ts";
import { ARCHIVED, AT_LIMIT, PAUSED, SPENT } from "../projects/open.ts";
import { type Idle, whyIdle } from "./idle.ts";
import { areLimited, holdPlaces } from "./limits.ts";
import { MOST_CLAIMS, TAKE_READY } from "./ready.ts";
import { TAKE_AMONG } from "./ready-among.ts";
import { type AskedTake, type Taken, type TakenRow, takeParameters, takeStatement } from "./take.ts";
import { isPlain, type Wanted, wantedValues } from "./wanted.ts";

export const TAKE_NEXT = takeStatement("task-claim-next", TAKE_READY);
const TAKE_WANTED = takeStatement("task-claim-wanted", TAKE_AMONG);

/** What one look for a ready task comes to: the task, or why there is none. */
export type Look =
  | { readonly taken: Taken; readonly why: null }
  | { readonly taken: null; readonly why: Promise<Idle | typeof LIMITED> };

/** Claims take turns: this one has to take its own. */
export const LIMITED = "limited";

/** A claim of the next task. */
export interface AskedNext extends AskedTake {
  readonly wanted: Wanted;
}

/** @param claims that want the same: whatever is handed out in a project that has no limits. */
export const takeNextParameters = (projectId: string, claims: readonly AskedNext[]) => [
  ...takeParameters(projectId, claims),
  claims[0]?.wanted.skills ?? [],
];

/** @param claims that want the same. */
const takeWantedParameters = (wanted: Wanted, claims: readonly AskedTake[], holdsPlaces: boolean) => [
  ...takeParameters(wanted.projects, claims),
  ...wantedValues(wanted),
  holdsPlaces,
];

/** Takes a ready task for one claim: also inside a transaction. */
export async function takeReady(db: Db, claim: AskedNext): Promise<Look> {
  const [look] = await takeForEach(db, claim.wanted, () => [claim], { idempotent: claim.kept !== null });
  if (!look) throw new Error("A claim was not answered");
  return look;
}

/** The same where some of the projects have limits: in a transaction that holds their places. */
export async function takeWithin(db: Db, claim: AskedNext): Promise<Look> {
  const { wanted } = claim;
  const [taken] = await db.transaction(
    async (tx) => {
      await holdPlaces(tx, wanted.projects);
      return tx.write<TakenRow>(TAKE_WANTED, takeWantedParameters(wanted, [claim], true));
    },
    { idempotent: claim.kept !== null },
  );
  if (!taken) return { taken: null, why: whyIdle({ db }, wanted, claim.worker) };
  const { place: _, ...task } = taken;
  return { taken: task, why: null };
}

interface Repeating {
  readonly idempotent: boolean;
}

/** @param claims those that take, once there is a connection; the same when asked again. */
async function takeForEach(db: Db, wanted: Wanted, claims: () => readonly AskedNext[], options: Repeating) {
  const rows = await takenRows(db, wanted, claims, options);
  let why: Promise<Idle | typeof LIMITED> | undefined;
  return rowOfEach(claims(), rows).map((task): Look => {
    if (task) return { taken: task, why: null };
    // Asked once for all: it is as it was after all of them had looked.
    why ??= whyNone(db, wanted, claims());
    return { taken: null, why };
  });
}

async function whyNone(db: Db, wanted: Wanted, claims: readonly AskedNext[]) {
  if (await areLimited(db, wanted.projects)) return LIMITED;
  const workers = new Set(claims.map(({ worker }) => worker));
  const [worker = null] = workers.size === 1 ? workers : [];
  return whyIdle({ db }, wanted, worker);
}

/** The tasks that were taken: none where a project was paused, spent its budget, got limits or, one of several, was archived meanwhile. */
async function takenRows(db: Db, wanted: Wanted, claims: () => readonly AskedNext[], options: Repeating) {
  const [project = ""] = wanted.projects;
  const plain = isPlain(wanted);
  const values = () => (plain ? takeNextParameters(project, claims()) : takeWantedParameters(wanted, claims(), false));
  try {
    return await db.write<TakenRow>(plain ? TAKE_NEXT : TAKE_WANTED, values, options);
  } catch (error) {
    const code = errorCode(error) ?? "";
    const changed =
      code === PAUSED || code === SPENT || AT_LIMIT.has(code) || (code === ARCHIVED && wanted.projects.length > 1);
    // Of several claims each is tried alone.
    if (changed && claims().length === 1) return [];
    throw error;
  }
}

const combining = { wrote: ({ taken }: Look) => taken !== null };
const combined = combinedByKey<AskedNext, Look>({ ...combining, largestBatch: MOST_CLAIMS });

/** The same, together with others that want the same and come while such a batch is under way. */
export function takeReadyTogether(db: Db, claim: AskedNext): Promise<Look> {
  const { wanted } = claim;
  return combined(db, claim, [wanted], (take, options) => takeForEach(db, wanted, take, options));
}

const inTurn = combinedByKey<AskedNext, Look>({ ...combining, largestBatch: 1 });

/** `takeWithin`, one after another: claims of a process that wait for places take one connection. */
export const takeInTurn = (db: Db, claim: AskedNext): Promise<Look> =>
  inTurn(db, claim, claim.wanted.projects, (take) => Promise.all(take().map((one) => takeWithin(db, one))));
