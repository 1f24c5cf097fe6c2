import { TAKEN } from "./take.ts";

/**
 * When a task is ready to be claimed, as SQL on `tasks t`: it is pending, or the lease that holds it has expired, and it is
 * neither deleted nor archived. Whatever says, shows, counts or takes what is ready is made of these conditions. A claim
 * in an archived project is refused by a trigger, so that lists over several projects leave those out themselves.
 */

/** Exactly the predicate of idx_tasks_pending: otherwise PostgreSQL could not use that index. */
export const PENDING = "t.status = 'pending' AND t.deleted_at IS NULL AND t.archived_at IS NULL";

/**
 * Exactly the predicate of idx_tasks_lease. What has a lease is in progress (chk_lease_while_in_progress) and never
 * deleted (chk_deleted_not_held). The status itself is not asked for: a plan that was made while nothing was in progress
 * would find it by idx_tasks_status, and walk past all that is held in every project from then on.
 */
export const LEASED = "t.lease_expires_at IS NOT NULL AND t.archived_at IS NULL";

/** `(SELECT docket_now())` is asked once, the bare function for every task that is held. */
export const EXPIRED = `${LEASED} AND t.lease_expires_at <= (SELECT docket_now())`;

export const READY = `((${PENDING}) OR (${EXPIRED}))`;

const IN_ORDER = "ORDER BY t.priority, t.queue_position";
const CANDIDATE = `${TAKEN}, t.priority, t.queue_position`;

/**
 * Common table expressions `pending` and `expired`: of each the first ready tasks of project $1, by priority, then by place
 * in the queue. Two index scans instead of one condition: an index over both states would walk past every held task.
 */
const candidates = (first: (condition: string) => string) => `pending AS (
  ${first(PENDING)}
), expired AS (
  ${first(EXPIRED)}
)`;

const CANDIDATES = "(SELECT * FROM pending UNION ALL SELECT * FROM expired) candidates";

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
