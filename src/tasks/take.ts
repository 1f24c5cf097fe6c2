import { caller } from "../access/act-as.ts";
import type { KeyedRequest } from "../access/idempotency.ts";
import type { Viewer } from "../access/viewer.ts";
import { leaveEvents } from "../log/write/append.ts";
import { keyAnd, TASK } from "./fields.ts";
import { FREED, LEASE_END } from "./lease-end.ts";
import type { AttemptKey } from "./task.ts";

/** What taking a task changes of it. */
const TAKING = ["status", "startedAt", "claimedBy", "leaseExpiresAt", "attemptCount"] as const;

/** SQL: what a statement that takes a task has to know of it, as columns of a table `t`. */
export const TAKEN = keyAnd(TAKING);

/**
 * The statement that takes one task: it closes an expired or superseded attempt, opens the next, leaves the events and,
 * where a key came, the idempotent answer, all at once.
 * `picked` is SQL for the locked row to take, with its columns `TAKEN`.
 * Parameters $1–$8 are those of `takeParameters`; `picked` may use more.
 */
export const takeStatement = (name: string, picked: string) => ({
  name,
  text: `WITH ${caller(4, 5, 6)}, ${picked}, ended AS (
  UPDATE task_attempts a SET ended_at = docket_now(),
    outcome = CASE WHEN p.lease_expires_at > docket_now() THEN 'superseded' ELSE 'expired' END
  FROM caller CROSS JOIN picked p WHERE a.project_id = p.project_id AND a.task_id = p.task_id AND a.ended_at IS NULL
    -- what was never claimed has none; nobody looks then
    AND (SELECT attempts FROM picked) > 0
  RETURNING a.project_id, a.task_id, a.attempt, a.worker, a.lease_expires_at, a.outcome
), taken AS (
  UPDATE tasks t SET status = 'in_progress', claimed_by = $2, version = t.version + 1, attempts = t.attempts + 1,
    lease_expires_at = docket_now() + coalesce(make_interval(secs => $3::int), project_lease(pr.settings)),
    started_at = coalesce(t.started_at, docket_now()), updated_at = docket_now()
  FROM caller CROSS JOIN picked p JOIN projects pr ON pr.project_id = p.project_id
  WHERE t.project_id = p.project_id AND t.task_id = p.task_id
  RETURNING t.project_id, t.task_id, t.attempts, t.lease_expires_at,
    ${TASK.document("p", TAKING)} AS before, ${TASK.document("t", TAKING)} AS after
), opened AS (
  -- reads \`ended\`, so that the old attempt is closed before uniq_open_attempt sees the new one
  INSERT INTO task_attempts (project_id, task_id, attempt, worker, actor, client, lease_expires_at)
  SELECT t.project_id, t.task_id, t.attempts, $2, $4, $5, t.lease_expires_at
  FROM taken t CROSS JOIN (SELECT count(*) FROM ended) first
  RETURNING secret
), freed AS (
  SELECT e.*, ${TASK.document("f", LEASE_END)} AS document FROM ended e CROSS JOIN ${FREED} WHERE e.outcome = 'expired'
), told AS (
  ${leaveEvents(`SELECT 1 AS place, 'task.lease_expired' AS type, f.project_id, 'task' AS subject_type, f.task_id AS subject_id,
      jsonb_build_object('attempt', f.attempt, 'worker', f.worker, 'leaseExpiresAt', f.lease_expires_at,
        'changes', changes_between(t.before, f.document)) AS payload FROM freed f CROSS JOIN taken t
    UNION ALL
    SELECT 2, 'task.claimed', t.project_id, 'task', t.task_id, jsonb_build_object('attempt', t.attempts, 'worker', $2::text,
      'leaseExpiresAt', t.lease_expires_at, 'changes', changes_between(t.before || coalesce((SELECT document FROM freed), '{}'), t.after))
      || coalesce((SELECT jsonb_build_object('supersedes', attempt) FROM ended WHERE outcome = 'superseded'), '{}') FROM taken t`)}
), kept AS (
  INSERT INTO idempotency_keys (actor, key, operation, request_hash, result)
  SELECT $4, $7, 'claimNextTask', $8::bytea,
    jsonb_build_object('projectId', project_id, 'taskId', task_id, 'attempt', attempts)
  FROM taken WHERE $7::text IS NOT NULL
)
SELECT project_id AS "projectId", task_id AS "taskId", attempts AS attempt, secret FROM taken, opened`,
});

export interface Taker {
  readonly viewer: Viewer;
  readonly correlationId: string;
}

/** The name under which a caller claims. */
export const workerOf = ({ viewer }: Pick<Taker, "viewer">, { worker }: { worker?: string | null | undefined }) =>
  worker ?? viewer.name;

/** $1 the project, then who takes, for how long (seconds; null: the project's lease), and the idempotency key. */
export const takeParameters = (
  projectId: string,
  { viewer, correlationId }: Taker,
  { worker, leaseSeconds }: { worker?: string | null | undefined; leaseSeconds?: number | null | undefined },
  kept: KeyedRequest | null,
) => [
  projectId,
  workerOf({ viewer }, { worker }),
  leaseSeconds ?? null,
  viewer.actor,
  viewer.client,
  correlationId,
  kept?.key ?? null,
  kept?.hash ?? null,
];

/** What was taken; `secret` in the answer of the statement, and not in one that is stored and repeated. */
export interface Taken extends AttemptKey {
  readonly secret?: string | undefined;
}
