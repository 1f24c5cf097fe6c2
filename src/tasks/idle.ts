import type { Context } from "../access/viewer.ts";
import { projectArchived, projectNotFound } from "../errors.ts";
import { projectLimitMessage, workerLimitMessage } from "../projects/not-ready.ts";
import { idleMessage, type Quiet, type ReasonCount } from "./idle-message.ts";
import { limitsOf } from "./limits.ts";
import { EXPIRED, either, IS_LIMITED } from "./ready.ts";
import { OF_TASK, REASONS_OF_TASK, type ReadyReason, type ReasonOfTask } from "./reasons.ts";
import { STOPS, type Stop, type Stoppable, stopsOf, WITH_BUDGET } from "./stops.ts";
import { keptFromClaim, ofKinds, readyOnes, type Wanted, wantedValues } from "./wanted.ts";

/** Why there is nothing to claim. */
export interface Idle {
  readonly message: string;
  /** Tasks that were ready, but locked by other claims at this moment. */
  readonly pending: number;
  /** Tasks in progress under a lease that has not expired. */
  readonly held: number;
  /** When the first of those leases ends, or a task's time comes: the earliest time at which asking again can help by itself. */
  readonly retryAt: Date | null;
  /** How many open tasks each reason keeps from being handed out; one of a project or the worker counts the projects. */
  readonly reasons: readonly ReasonCount[];
}

/** Of one project, before it is said in words. */
type IdleOne = Omit<Idle, "message"> & Quiet;

/** There is nothing, and there will not be. */
export const archivedIdle = (projects: readonly string[]): Idle => together(projects.map(archivedOne));

const archivedOne = (projectId: string): IdleOne => ({
  ...{ pending: 0, held: 0, retryAt: null, kept: [] },
  stops: [projectArchived(projectId).message],
  reasons: [{ reason: "project_archived", count: 1 }],
});

/** Of a claim: $1 the projects, $2 the worker, then `wantedValues`. */
const ASKED = { worker: "$2", skills: "$3", labels: "$4", kinds: "$5", maxEstimate: "$6" };
const OF_CLAIM = keptFromClaim(ASKED);
type ReasonOfClaim = keyof typeof OF_CLAIM;
const REASONS_OF_CLAIM = Object.keys(OF_CLAIM) as ReasonOfClaim[];
const TO_THIS_CLAIM = Object.values(OF_CLAIM)
  .map((condition) => `NOT (${condition})`)
  .join(" AND ");
const OF_KIND = ofKinds(ASKED);

const COUNTS = { ...OF_TASK, kind_not_asked: `NOT ${OF_KIND}`, ...OF_CLAIM };

/** Every reason is asked of every open task: one may have several. Each project is counted by itself, so that none is sorted. */
const WHY = {
  name: "task-idle",
  text: `SELECT p.project_id AS "projectId", p.archived_at IS NOT NULL AS "projectArchived", ${IS_LIMITED} AS limited,
  ${STOPS},
  found.pending, found.unheld, found.retry_at AS "retryAt", ${Object.keys(COUNTS)
    .map((reason) => `found.${reason}`)
    .join(", ")}
FROM projects p ${WITH_BUDGET} CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE ${either(readyOnes(ASKED))} AND ${TO_THIS_CLAIM})::int AS pending,
    count(*) FILTER (WHERE NOT t.is_template AND (t.status = 'pending' OR ${EXPIRED}))::int AS unheld,
    ${Object.entries(COUNTS)
      .map(([reason, condition]) => `count(*) FILTER (WHERE ${condition})::int AS ${reason}`)
      .join(", ")},
    least(min(t.lease_expires_at) FILTER (WHERE ${OF_TASK.held} AND NOT ${OF_TASK.kind_not_asked} AND ${OF_KIND} AND ${TO_THIS_CLAIM}),
      min(t.ready_at) FILTER (WHERE ${OF_TASK.waiting} AND t.unblocked AND ${OF_KIND} AND ${TO_THIS_CLAIM})) AS retry_at
  FROM tasks t WHERE t.project_id = p.project_id AND t.status IN ('pending', 'in_progress')
    AND t.deleted_at IS NULL AND t.archived_at IS NULL
) found
WHERE p.project_id = ANY ($1::text[]) ORDER BY p.project_id`,
};

type Why = Readonly<Record<ReasonOfTask | ReasonOfClaim, number>> &
  Stoppable & {
    readonly projectArchived: boolean;
    readonly limited: boolean;
    readonly pending: number;
    /** Those that nobody holds, in whatever state they are. */
    readonly unheld: number;
    readonly retryAt: Date | null;
  };

/**
 * Why this worker gets nothing of what it wants.
 * @param worker null: any other than those that tasks are kept for.
 * @throws PROJECT_NOT_FOUND; PROJECT_ARCHIVED where all of the projects are
 */
export async function whyIdle({ db }: Pick<Context, "db">, wanted: Wanted, worker: string | null): Promise<Idle> {
  const { projects } = wanted;
  const found = await db.read<Why>(WHY, [projects, worker, ...wantedValues(wanted)]);
  const missing = projects.find((projectId) => !found.some((of) => of.projectId === projectId));
  if (missing !== undefined) throw projectNotFound(missing);
  if (projects[0] !== undefined && found.every(({ projectArchived }) => projectArchived))
    throw projectArchived(projects[0]);
  const each: IdleOne[] = [];
  for (const of of found)
    each.push(of.projectArchived ? archivedOne(of.projectId) : await idleIn(db, of, wanted, worker));
  return together(each);
}

/** Why there is nothing in one project. */
async function idleIn(db: Context["db"], found: Why, { skills }: Wanted, worker: string | null): Promise<IdleOne> {
  const { projectId, held } = found;
  const reasons = [...REASONS_OF_TASK, ...REASONS_OF_CLAIM].map((reason) => ({ reason, count: found[reason] }));
  const counted = (...more: Idle["reasons"]) => [...more, ...reasons].filter(({ count }) => count > 0);
  const stops = stopsOf(found);
  if (stops.length > 0)
    return {
      ...{ pending: 0, held, retryAt: afterAll(stops, found) },
      reasons: counted(...stops.map(({ reason }) => ({ reason, count: 1 }))),
      stops: stops.map(({ message }) => message),
      kept: [],
    };
  const limits = found.limited ? await limitsOf(db, projectId, worker, skills) : undefined;
  const { reached = null, reachedByWorker = null } = limits ?? {};
  const atLimit = reached !== null || reachedByWorker !== null;
  const pending = atLimit ? Math.min(found.pending, limits?.expired ?? 0) : found.pending;
  const atLimits = [
    ...(reached === null ? [] : [projectLimitMessage(projectId, reached)]),
    ...(reachedByWorker === null ? [] : [workerLimitMessage(projectId, reachedByWorker)]),
  ];
  return {
    ...{ pending, held, retryAt: atLimit ? (limits?.retryAt ?? null) : found.retryAt },
    reasons: counted(
      { reason: "locked", count: pending },
      { reason: "project_at_limit", count: reached === null ? 0 : 1 },
      { reason: "worker_at_limit", count: reachedByWorker === null ? 0 : 1 },
    ),
    stops: atLimits,
    kept: found.unheld > 0 ? counted() : [],
  };
}

const lockedMessage = (pending: number) =>
  `${pending} tasks are ready but just being claimed by others; ask again in a moment`;

/** When a claim can take something again; null where nobody knows when one of the stops ends. */
function afterAll(stops: readonly Stop[], { pending, retryAt }: Why): Date | null {
  const ends = stops.flatMap(({ until }) => until ?? []);
  if (ends.length < stops.length) return null;
  const times = pending > 0 || retryAt === null ? ends : [...ends, retryAt];
  return new Date(Math.max(...times.map((time) => time.getTime())));
}

/** Why there is nothing in one project, or in several. */
function together(each: readonly IdleOne[]): Idle {
  const sum = (of: (idle: IdleOne) => number) => each.reduce((all, idle) => all + of(idle), 0);
  const pending = sum((idle) => idle.pending);
  const counts = new Map<ReadyReason, number>();
  for (const { reason, count } of each.flatMap(({ reasons }) => reasons))
    counts.set(reason, (counts.get(reason) ?? 0) + count);
  const times = each.flatMap(({ retryAt }) => retryAt ?? []).sort((a, b) => a.getTime() - b.getTime());
  return {
    pending,
    held: sum((idle) => idle.held),
    retryAt: times[0] ?? null,
    reasons: [...counts].map(([reason, count]) => ({ reason, count })),
    message: pending > 0 ? lockedMessage(pending) : idleMessage(each),
  };
}
