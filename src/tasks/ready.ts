import { onlyOf } from "../access/act-as.ts";
import { TAKEN } from "./take.ts";

/**
 * When a task is ready to be claimed, as SQL on `tasks t`: it is pending, or the lease that holds it has expired; nothing
 * that it waits for is open, no child of it is, and its time has come; it is neither parked nor a template, neither deleted
 * nor archived; and it is of a kind that is claimed unasked. Whatever says, shows, counts or takes what is ready is made of
 * these conditions. A claim in an archived project is refused by a trigger, so that lists over several projects leave those
 * out themselves.
 */

/** Exactly the predicate of idx_tasks_ready: otherwise PostgreSQL could not use that index. */
export const PENDING = "t.status = 'pending' AND t.unblocked AND t.ready_at IS NULL";

/** Exactly the predicate of idx_tasks_waiting. */
export const WAITING = "t.status = 'pending' AND t.unblocked AND t.ready_at IS NOT NULL";

/** `(SELECT docket_now())` is asked once, the bare function for every task. */
export const MATURED = `${WAITING} AND t.ready_at <= (SELECT docket_now())`;

/**
 * Exactly the predicate of idx_tasks_lease. What has a lease is in progress (chk_lease_while_in_progress) and never
 * deleted (chk_deleted_not_held). The status itself is not asked for: a plan that was made while nothing was in progress
 * would find it by idx_tasks_status, and walk past all that is held in every project from then on.
 */
export const LEASED = "t.lease_expires_at IS NOT NULL AND t.archived_at IS NULL";

/** What is claimed by whoever asks for the next task: people begin and end projects and sessions by hand. */
export const UNASKED = "t.kind IN ('task', 'research')";

/** An attempt at a project or a session does not expire: people hold it for as long as it lasts. */
export const EXPIRES = `${LEASED} AND ${UNASKED}`;
export const EXPIRED = `${EXPIRES} AND t.lease_expires_at <= (SELECT docket_now())`;

/** When what a lease that has expired held may be claimed again, as it will be counted a failure; never is 'infinity'. */
const RETRY_AT =
  "(SELECT retry_at(t.failures + 1, t.lease_expires_at, p.settings) FROM projects p WHERE p.project_id = t.project_id)";

/** Ended or not: what has expired so often that it waits, or is parked, is not ready before somebody has ended it. */
export const EXPIRED_AND_WAITS = `(${EXPIRED} AND ${RETRY_AT} > (SELECT docket_now()) AND ${RETRY_AT} < 'infinity')`;
export const EXPIRED_TOO_OFTEN = `(${EXPIRED} AND ${RETRY_AT} = 'infinity')`;

/** The three ways to be ready, each found by an index of its own. */
export const READY_ONES = {
  pending: `${PENDING} AND ${UNASKED}`,
  matured: `${MATURED} AND ${UNASKED}`,
  expired: `${EXPIRED} AND t.unblocked AND ${RETRY_AT} <= (SELECT docket_now())`,
};

/** SQL: whether one of these conditions holds. */
export const either = (conditions: Readonly<Record<string, string>>) =>
  `(${Object.values(conditions)
    .map((condition) => `(${condition})`)
    .join(" OR ")})`;

export const READY = either(READY_ONES);

/**
 * What of a task is asked of the claim, as SQL of the claim's worker and skills: that it is for any worker or for this one,
 * and that it requires no other skill. A worker that is NULL stands for any other than those that tasks are kept for.
 */
export const forWorker = (worker: string) => `coalesce(t.assigned_to = ${worker}, t.assigned_to IS NULL)`;
export const forSkills = (skills: string) => `t.skills <@ ${skills}::text[]`;

/** Both, so asked that the planner expects many such tasks: then it reads them in their order. */
export const forClaim = (worker: string, skills: string) =>
  `CASE WHEN t.assigned_to IS NULL AND t.skills = '{}' THEN true ELSE ${forWorker(worker)} AND ${forSkills(skills)} END`;

const IN_ORDER = "ORDER BY t.priority, t.queue_position";
const CANDIDATE = `${TAKEN}, t.priority, t.queue_position`;

/**
 * Common table expressions `pending`, `matured` and `expired`: of each the first ready tasks of project $1, by priority, then
 * by place in the queue. Three index scans instead of one condition: an index over all would walk past every held task.
 */
const candidates = (first: (condition: string) => string) =>
  Object.entries(READY_ONES)
    .map(([name, condition]) => `${name} AS (\n  ${first(condition)}\n)`)
    .join(", ");

const CANDIDATES = "(SELECT * FROM pending UNION ALL SELECT * FROM matured UNION ALL SELECT * FROM expired) candidates";

/** Common table expressions, of which `picked` is the first ready task of project $1 for worker $2 with the skills $3. */
export const FIRST_READY = `${candidates(
  (condition) =>
    `SELECT ${CANDIDATE} FROM tasks t WHERE t.project_id = $1 AND ${condition} AND ${forClaim("$2::text", "$3")} ${IN_ORDER} LIMIT 1`,
)}, picked AS (
  SELECT * FROM ${CANDIDATES} ORDER BY priority, queue_position LIMIT 1
)`;

/** The worker of all claims of `takeParameters`; NULL where there are several. */
export const ONLY_WORKER = onlyOf("$2");

/**
 * SQL: whether no ready task is kept for the worker of a claim `c` that goes together with those of other workers.
 * @param among which tasks.
 */
export const noneKept = (among: string, ready: string) => `CASE WHEN ${ONLY_WORKER} IS NOT NULL THEN true ELSE (
    SELECT t.task_id FROM tasks t WHERE ${among} AND t.assigned_to = c.worker AND t.status <> 'completed'
      AND ${forSkills("$9")} AND ${ready} LIMIT 1
  ) IS NULL END`;

/** SQL: whether so many tasks of `projects p` may be in progress, and no more; then claims in it take turns. */
export const IS_LIMITED = "is_limited(p.settings)";

/** SQL: why claims in `projects p` take nothing now, whether it is paused, */
export const IS_PAUSED = "is_paused(p.paused_at, p.paused_until)";
/** or its budget is spent; */
export const IS_SPENT = "is_spent(p.budget_spent_until)";
/** and whether there is such a reason. */
export const IS_STOPPED = `(${IS_PAUSED} OR ${IS_SPENT})`;

/** Claims that one statement may carry. */
export const MOST_CLAIMS = 100;

/**
 * Common table expressions, of which `picked` joins each of `claims`, in their order, with a ready task of project $1, the
 * first ones first; none in a project that is stopped or limited. All claims have the skills $9. Claims of several workers take what is for any worker, and those leave
 * out for which a task is kept that is ready: alone, they take the first of all. SKIP LOCKED: two statements never wait for one row. NO KEY: a row that only a foreign key refers to
 * just now is not skipped. The inner limit is for the planner, which knows of the other only that it is some; no more rows
 * are read and locked than the outer one asks for.
 */
export const TAKE_READY = `asking AS MATERIALIZED (
  SELECT c.*, row_number() OVER (ORDER BY c.place) AS turn FROM claims c
  WHERE (SELECT NOT (${IS_STOPPED} OR ${IS_LIMITED}) FROM projects p WHERE p.project_id = $1)
    AND ${noneKept("t.project_id = $1", READY)}
), ${candidates(
  (condition) => `SELECT * FROM (
    SELECT ${CANDIDATE} FROM tasks t WHERE t.project_id = $1 AND ${condition}
      AND ${forClaim(ONLY_WORKER, "$9")}
    ${IN_ORDER} LIMIT ${MOST_CLAIMS} FOR NO KEY UPDATE SKIP LOCKED
  ) first LIMIT (SELECT count(*) FROM asking)`,
)}, ready AS MATERIALIZED (
  SELECT *, row_number() OVER (ORDER BY priority, queue_position) AS turn FROM ${CANDIDATES}
), picked AS (
  SELECT * FROM ready JOIN asking USING (turn)
)`;
