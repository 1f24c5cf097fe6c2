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
const MATURED = `${WAITING} AND t.ready_at <= (SELECT docket_now())`;

/**
 * Exactly the predicate of idx_tasks_lease. What has a lease is in progress (chk_lease_while_in_progress) and never
 * deleted (chk_deleted_not_held). The status itself is not asked for: a plan that was made while nothing was in progress
 * would find it by idx_tasks_status, and walk past all that is held in every project from then on.
 */
export const LEASED = "t.lease_expires_at IS NOT NULL AND t.archived_at IS NULL";

/** What is claimed by whoever asks for the next task: people begin and end projects and sessions by hand. */
const UNASKED = "t.kind IN ('task', 'research')";

/** An attempt at a project or a session does not expire: people hold it for as long as it lasts. */
export const EXPIRES = `${LEASED} AND ${UNASKED}`;
export const EXPIRED = `${EXPIRES} AND t.lease_expires_at <= (SELECT docket_now())`;

/** The three ways to be ready, each found by an index of its own. */
const READY_ONES = {
  pending: `${PENDING} AND ${UNASKED}`,
  matured: `${MATURED} AND ${UNASKED}`,
  expired: `${EXPIRED} AND t.unblocked`,
};

export const READY = `(${Object.values(READY_ONES)
  .map((condition) => `(${condition})`)
  .join(" OR ")})`;

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

/** Common table expressions, of which `picked` is the first ready task of project $1. */
export const FIRST_READY = `${candidates(
  (condition) => `SELECT ${CANDIDATE} FROM tasks t WHERE t.project_id = $1 AND ${condition} ${IN_ORDER} LIMIT 1`,
)}, picked AS (
  SELECT * FROM ${CANDIDATES} ORDER BY priority, queue_position LIMIT 1
)`;

/** Claims that one statement may carry. */
export const MOST_CLAIMS = 100;

/**
 * Common table expressions, of which `picked` joins each of `claims`, in their order, with a ready task of project $1, the
 * first ones first. SKIP LOCKED: two statements never wait for one row. NO KEY: a row that only a foreign key refers to
 * just now is not skipped. The inner limit is for the planner, which knows of the other only that it is some; no more rows
 * are read and locked than the outer one asks for.
 */
export const TAKE_READY = `${candidates(
  (condition) => `SELECT * FROM (
    SELECT ${CANDIDATE} FROM tasks t WHERE t.project_id = $1 AND ${condition} ${IN_ORDER} LIMIT ${MOST_CLAIMS}
    FOR NO KEY UPDATE SKIP LOCKED
  ) first LIMIT (SELECT count(*) FROM claims)`,
)}, ready AS MATERIALIZED (
  SELECT *, row_number() OVER (ORDER BY priority, queue_position) AS turn FROM ${CANDIDATES}
), picked AS (
  SELECT * FROM ready JOIN claims USING (turn)
)`;
