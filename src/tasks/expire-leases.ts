import { caller } from "../access/act-as.ts";
import type { Context } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import { leaveEvents } from "../log/write/append.ts";
import { AFTER_ATTEMPT, afterAttempt, PARKING } from "./after-attempt.ts";
import { keyAnd, TASK } from "./fields.ts";
import { FREED, LEASE_END } from "./lease-end.ts";
import { EXPIRED, EXPIRES } from "./ready.ts";
import { FIRST_STALLS } from "./stalled.ts";

export const DUE = {
  name: "lease-due",
  text: `SELECT extract(epoch FROM least((SELECT min(t.lease_expires_at) FROM tasks t WHERE ${EXPIRES}), (${FIRST_STALLS}))
  - (SELECT docket_now()))::float8 * 1000 AS "dueInMs"`,
};

/**
 * Milliseconds until the first lease ends or the first attempt is to be told of as stalled; negative when one has, null when no
 * task is held of which that is true.
 */
export async function leasesDueInMs(db: Db): Promise<number | null> {
  const [due] = await db.read<{ dueInMs: number | null }>(DUE);
  return due?.dueInMs ?? null;
}

/** Ended in one statement: few enough that a claim, which skips what is locked, finds its task again a moment later. */
const BATCH = 100;

/** What ending one may change of a task, beside parking it, of which an event of its own tells. */
const ENDED = [...LEASE_END, ...AFTER_ATTEMPT] as const;

/** SKIP LOCKED: whoever holds the row is another process that does the same, a claim that takes the task, or a renewal. */
export const EXPIRE = {
  name: "lease-expire",
  text: `WITH ${caller("$1", "$2", "$3")}, due AS (
  SELECT ${keyAnd([...ENDED, ...PARKING])} FROM tasks t WHERE ${EXPIRED}
  ORDER BY t.lease_expires_at LIMIT ${BATCH} FOR NO KEY UPDATE SKIP LOCKED
), freed AS (
  UPDATE tasks t SET status = f.status, claimed_by = f.claimed_by, lease_expires_at = f.lease_expires_at,
    version = t.version + 1, updated_at = docket_now(), ${afterAttempt("'expired'")}
  FROM caller CROSS JOIN due d CROSS JOIN ${FREED} WHERE t.project_id = d.project_id AND t.task_id = d.task_id
  RETURNING t.project_id, t.task_id, d.claimed_by, d.lease_expires_at,
    changes_between(${TASK.document("d", ENDED)}, ${TASK.document("t", ENDED)}) AS changes,
    changes_between(${TASK.document("d", PARKING)}, ${TASK.document("t", PARKING)}) AS parking, t.parked_reason
), ended AS (
  UPDATE task_attempts a SET ended_at = docket_now(), outcome = 'expired' FROM freed f
  WHERE a.project_id = f.project_id AND a.task_id = f.task_id AND a.ended_at IS NULL
  RETURNING a.project_id, a.task_id, a.attempt, a.worker
)
${leaveEvents(`SELECT ROW(f.lease_expires_at, f.project_id, f.task_id, 1) AS place, 'task.lease_expired' AS type, f.project_id,
    'task' AS subject_type, f.task_id AS subject_id, jsonb_build_object('attempt', a.attempt,
      'worker', coalesce(a.worker, f.claimed_by), 'leaseExpiresAt', f.lease_expires_at, 'changes', f.changes) AS payload
  FROM freed f LEFT JOIN ended a USING (project_id, task_id)
  UNION ALL SELECT ROW(f.lease_expires_at, f.project_id, f.task_id, 2), 'task.parked', f.project_id, 'task', f.task_id,
    jsonb_build_object('reason', f.parked_reason, 'changes', f.parking) FROM freed f WHERE f.parking <> '{}'`)} RETURNING subject_id`,
};

/**
 * Ends the attempts whose lease has ended and gives their tasks back to the queue, some at a time; `task.lease_expired`
 * tells of each once, whoever does it: a claim that comes first does the same for the task that it takes.
 * @returns whether there may be more.
 * @throws DATABASE_UNAVAILABLE
 */
export async function expireLeases({ db, viewer, correlationId }: Context): Promise<boolean> {
  const ended = await db.write(EXPIRE, [viewer.actor, viewer.client, correlationId], { idempotent: true });
  return ended.length > 0;
}
