import { caller } from "../access/act-as.ts";
import type { Context } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";

/** Attempts whose lease ends, or has ended, without the log telling of it. Exactly the predicate of idx_attempts_due. */
const UNTOLD = "a.ended_at IS NULL AND a.expiry_told_at IS NULL";

/** What task.lease_expired says, as SQL on an attempt `a`. Its task stays as it is: only the next claim changes it. */
export const LEASE_EXPIRED = `jsonb_build_object('attempt', a.attempt, 'worker', a.worker,
  'leaseExpiresAt', a.lease_expires_at, 'changes', jsonb_build_object())`;

export const DUE = {
  name: "lease-due",
  text: `SELECT extract(epoch FROM min(a.lease_expires_at) - (SELECT docket_now()))::float8 * 1000 AS "dueInMs"
FROM task_attempts a WHERE ${UNTOLD}`,
};

/**
 * Milliseconds until the first lease ends that the log does not tell of yet; negative when it has ended, null when no
 * task is held.
 */
export async function leasesDueInMs(db: Db): Promise<number | null> {
  const [due] = await db.read<{ dueInMs: number | null }>(DUE);
  return due?.dueInMs ?? null;
}

/** Told of in one statement. */
const BATCH = 500;

/**
 * SKIP LOCKED: whoever holds the row is another process that tells of it, a claim that does so, or a renewal. Only the
 * attempt is locked, so that a claim never finds its task locked by this; one that comes at the same moment waits for the
 * attempt, and sees that the log tells of it.
 */
export const TELL = {
  name: "lease-tell",
  text: `WITH ${caller(1, 2, 3)}, due AS (
  SELECT a.project_id, a.task_id, a.attempt FROM task_attempts a
  WHERE ${UNTOLD} AND a.lease_expires_at <= (SELECT docket_now())
  ORDER BY a.lease_expires_at LIMIT ${BATCH} FOR NO KEY UPDATE SKIP LOCKED
), told AS (
  UPDATE task_attempts a SET expiry_told_at = docket_now() FROM caller CROSS JOIN due
  WHERE a.project_id = due.project_id AND a.task_id = due.task_id AND a.attempt = due.attempt
  RETURNING a.project_id, a.task_id, a.attempt, a.worker, a.lease_expires_at
)
INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, payload)
SELECT 'task.lease_expired', a.project_id, 'task', a.task_id, ${LEASE_EXPIRED}
FROM told a ORDER BY a.lease_expires_at, a.project_id, a.task_id RETURNING subject_id`,
};

/**
 * Tells of leases that have ended (`task.lease_expired`), of each end once, whoever does it. Nothing else changes: the
 * task may be claimed, as since the end of its lease, and as long as nobody has claimed it its holder may still renew.
 * @returns whether there may be more.
 * @throws DATABASE_UNAVAILABLE
 */
export async function expireLeases({ db, viewer, correlationId }: Context): Promise<boolean> {
  const told = await db.write(TELL, [viewer.actor, viewer.client, correlationId], { idempotent: true });
  return told.length > 0;
}
