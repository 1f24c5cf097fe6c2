import { caller } from "../access/act-as.ts";
import type { Context } from "../access/viewer.ts";
import { leaveEvents } from "../log/write/append.ts";
import { readSettings } from "../projects/settings.ts";
import { UNASKED } from "./ready.ts";
import { whetherEach } from "./whether-each.ts";

/** SQL of `task_attempts a`: when its holder last showed life. */
const ACTIVE_AT = "greatest(a.claimed_at, a.last_active_at)";

/** SQL of the same and its `projects p`: when it stalls unless its holder shows something before. */
const STALLS_AT = `(${ACTIVE_AT} + make_interval(secs => coalesce((p.settings ->> 'stalledAfterSeconds')::integer, ${readSettings({}).stalledAfterSeconds})))`;

const OPEN = `task_attempts a JOIN projects p ON p.project_id = a.project_id
  JOIN tasks t ON t.project_id = a.project_id AND t.task_id = a.task_id`;

/**
 * SQL of `OPEN`: an attempt that stalls, or will, as it was renewed since its holder last showed life. Unrenewed it comes to
 * its end by itself; and projects and sessions are held for as long as they last.
 */
const SILENT = `a.ended_at IS NULL AND a.last_renewed_at > ${ACTIVE_AT} AND ${STALLS_AT} < a.lease_expires_at AND ${UNASKED}`;

const NOW = "(SELECT docket_now())";
const STALLED = `${SILENT} AND ${STALLS_AT} <= ${NOW} AND a.lease_expires_at > ${NOW}`;

/** Each silence is told of once. */
const UNTOLD = `coalesce(a.stall_told_at < ${ACTIVE_AT}, true)`;

/** SQL of `tasks t`: whether the attempt that holds it is stalled. */
export const IS_STALLED = `EXISTS (SELECT FROM task_attempts a JOIN projects p ON p.project_id = a.project_id
    WHERE a.project_id = t.project_id AND a.task_id = t.task_id AND ${STALLED})`;

/** SQL: when the first attempt stalls of which that is not told yet. */
export const FIRST_STALLS = `SELECT min(${STALLS_AT}) FROM ${OPEN} WHERE ${SILENT} AND ${UNTOLD}`;

/**
 * SQL of `task_attempts a` and its `projects p`: whether a renewal may be the first to let it stall, and that so soon that whoever
 * tells of it, who looks once a minute, would be late.
 */
export const STALLS_SOON = `(${UNTOLD} AND ${STALLS_AT} < docket_now() + interval '1 minute')`;

/** Told of in one statement. */
const BATCH = 100;

/** SKIP LOCKED: whoever holds the rows is another process that does the same, or a write of the holder. */
export const TELL_STALLED = {
  name: "attempts-tell-stalled",
  text: `WITH ${caller("$1", "$2", "$3")}, due AS (
  SELECT a.project_id, a.task_id, a.attempt, a.worker, a.lease_expires_at, ${ACTIVE_AT} AS active_at FROM ${OPEN}
  WHERE ${STALLED} AND ${UNTOLD} ORDER BY ${STALLS_AT} LIMIT ${BATCH} FOR NO KEY UPDATE OF t, a SKIP LOCKED
), told AS (
  UPDATE task_attempts a SET stall_told_at = docket_now() FROM caller CROSS JOIN due d
  WHERE a.project_id = d.project_id AND a.task_id = d.task_id AND a.attempt = d.attempt
  RETURNING d.*
)
${leaveEvents(`SELECT ROW(t.active_at, t.project_id, t.task_id) AS place, 'task.stalled' AS type, t.project_id,
    'task' AS subject_type, t.task_id AS subject_id, jsonb_build_object('attempt', t.attempt, 'worker', t.worker,
      'lastActiveAt', t.active_at, 'leaseExpiresAt', t.lease_expires_at) AS payload FROM told t`)} RETURNING subject_id`,
};

/**
 * Tells of attempts that stall, some at a time, each silence once, whoever does it. Nothing of the task changes: its holder
 * keeps it for as long as somebody renews it.
 * @returns whether there may be more.
 * @throws DATABASE_UNAVAILABLE
 */
export async function tellStalled({ db, viewer, correlationId }: Context): Promise<boolean> {
  const told = await db.write(TELL_STALLED, [viewer.actor, viewer.client, correlationId], { idempotent: true });
  return told.length > 0;
}

/** Of each task, whether the attempt that holds it is stalled. */
export const areStalled = whetherEach("tasks-are-stalled", IS_STALLED);
