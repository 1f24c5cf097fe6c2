import { caller, onlyOf } from "../access/act-as.ts";
import type { KeyedRequest } from "../access/idempotency.ts";
import type { Viewer } from "../access/viewer.ts";
import { leaveEventsOfEach } from "../log/write/append.ts";
import { keyAnd, TASK } from "./fields.ts";
import { FREED, LEASE_END } from "./lease-end.ts";
import type { AttemptKey } from "./task.ts";

/** What taking a task changes of it. */
const TAKING = ["status", "startedAt", "claimedBy", "leaseExpiresAt", "attemptCount", "failures"] as const;

/** SQL: what a statement that takes a task has to know of it, as columns of a table `t`. */
export const TAKEN = keyAnd(TAKING);

/** Between the end of an attempt that has expired and the next: neither waits nor is parked what may be taken. */
const FREED_DOCUMENT = `${TASK.document("f", LEASE_END)} || jsonb_build_object('failures', t.after -> 'failures')`;

/** What is kept under an idempotency key: of which verb, and SQL of `taken t` for its answer. */
interface KeptAnswer {
  readonly operation: string;
  readonly answer: string;
}

const CLAIMED = "jsonb_build_object('projectId', t.project_id, 'taskId', t.task_id, 'attempt', t.attempts)";
const OF_CLAIM: KeptAnswer = { operation: "claimNextTask", answer: CLAIMED };
/** Of a change of status that is a claim. */
export const OF_STATUS: KeptAnswer = {
  operation: "updateTaskStatus",
  answer: `${CLAIMED} || jsonb_build_object('worker', t.worker)`,
};

/**
 * The statement that takes a task for each of some claims: it closes expired or superseded attempts, opens the next, leaves
 * the events and, where a key came, the idempotent answer, all at once. Each event names its own claimer; what triggers
 * leave does where there is one claim.
 * `claims` are those whose key has no answer yet, with their `place` among all.
 * `picked` is SQL for the locked rows to take, with their columns `TAKEN`, each with the claim that takes it.
 * Parameters $1–$8 are those of `takeParameters`; `picked` may use more.
 */
export const takeStatement = (name: string, picked: string, { operation, answer } = OF_CLAIM) => ({
  name,
  text: `WITH ${caller(onlyOf("$4"), onlyOf("$5"), onlyOf("$6"))}, claims AS MATERIALIZED (
  SELECT c.* FROM unnest($2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[]) WITH ORDINALITY
    AS c (worker, lease_seconds, actor, client, correlation_id, key, request_hash, place)
  -- so asked, and not by EXISTS, the planner expects few claims, and finds all that belongs to each by indexes
  WHERE (SELECT k.key FROM idempotency_keys k WHERE k.actor = c.actor AND k.key = c.key) IS NULL
), ${picked}, ended AS (
  UPDATE task_attempts a SET ended_at = docket_now(),
    outcome = CASE WHEN p.lease_expires_at > docket_now() THEN 'superseded' ELSE 'expired' END
  FROM caller CROSS JOIN picked p WHERE a.project_id = p.project_id AND a.task_id = p.task_id AND a.ended_at IS NULL
    -- what was never claimed has none; nobody looks then
    AND p.attempts > 0 AND (SELECT max(attempts) FROM picked) > 0
  RETURNING a.project_id, a.task_id, a.attempt, a.worker, a.lease_expires_at, a.outcome
), taken AS (
  UPDATE tasks t SET status = 'in_progress', claimed_by = p.worker, version = t.version + 1, attempts = t.attempts + 1,
    lease_expires_at = docket_now() + coalesce(make_interval(secs => p.lease_seconds), project_lease(pr.settings)),
    started_at = coalesce(t.started_at, docket_now()), updated_at = docket_now(),
    failures = CASE WHEN p.lease_expires_at IS NULL THEN t.failures WHEN p.lease_expires_at > docket_now() THEN t.failures
      ELSE (SELECT a.failures FROM after_attempt(t, 'expired') a) END
  FROM caller CROSS JOIN picked p JOIN projects pr ON pr.project_id = p.project_id
  WHERE t.project_id = p.project_id AND t.task_id = p.task_id
  RETURNING t.project_id, t.task_id, t.attempts, t.lease_expires_at,
    p.place, p.worker, p.actor, p.client, p.correlation_id, p.key, p.request_hash,
    ${TASK.document("p", TAKING)} AS before, ${TASK.document("t", TAKING)} AS after
), opened AS (
  -- reads \`ended\`, so that the old attempt is closed before uniq_open_attempt sees the new one
  INSERT INTO task_attempts (project_id, task_id, attempt, worker, actor, client, lease_expires_at)
  SELECT t.project_id, t.task_id, t.attempts, t.worker, t.actor, t.client, t.lease_expires_at
  FROM taken t CROSS JOIN (SELECT count(*) FROM ended) first
  RETURNING project_id, task_id, secret
), told AS (
  ${leaveEventsOfEach(`SELECT 2 * t.place - 1 AS place, 'task.lease_expired' AS type, e.project_id, 'task' AS subject_type,
      e.task_id AS subject_id, jsonb_build_object('attempt', e.attempt, 'worker', e.worker, 'leaseExpiresAt', e.lease_expires_at,
        'changes', changes_between(t.before, ${FREED_DOCUMENT})) AS payload, t.actor, t.client, t.correlation_id
    FROM ended e JOIN taken t USING (project_id, task_id) CROSS JOIN ${FREED} WHERE e.outcome = 'expired'
    UNION ALL
    SELECT 2 * t.place, 'task.claimed', t.project_id, 'task', t.task_id, jsonb_build_object('attempt', t.attempts,
        'worker', t.worker, 'leaseExpiresAt', t.lease_expires_at,
        'changes', changes_between(CASE e.outcome WHEN 'expired' THEN t.before || (${FREED_DOCUMENT}) ELSE t.before END, t.after))
      || CASE e.outcome WHEN 'superseded' THEN jsonb_build_object('supersedes', e.attempt) ELSE '{}' END,
      t.actor, t.client, t.correlation_id
    FROM taken t LEFT JOIN ended e USING (project_id, task_id) CROSS JOIN ${FREED}`)}
), kept AS (
  INSERT INTO idempotency_keys (actor, key, operation, request_hash, result)
  SELECT t.actor, t.key, '${operation}', t.request_hash, ${answer} FROM taken t WHERE t.key IS NOT NULL
)
SELECT t.place, t.project_id AS "projectId", t.task_id AS "taskId", t.attempts AS attempt, o.secret
FROM taken t JOIN opened o USING (project_id, task_id)`,
});

export interface Taker {
  readonly viewer: Viewer;
  readonly correlationId: string;
}

/** The name under which a caller claims. */
export const workerOf = ({ viewer }: Pick<Taker, "viewer">, { worker }: { worker?: string | null | undefined }) =>
  worker ?? viewer.name;

/** A claim as the statement takes it. */
export interface AskedTake {
  readonly worker: string;
  /** null: the project's lease. */
  readonly leaseSeconds: number | null;
  readonly by: Taker;
  readonly kept: KeyedRequest | null;
}

/** $1 the project, or several, then for each claim who takes, for how long, and the idempotency key. */
export const takeParameters = (of: string | readonly string[], claims: readonly AskedTake[]) => [
  of,
  claims.map(({ worker }) => worker),
  claims.map(({ leaseSeconds }) => leaseSeconds),
  claims.map(({ by }) => by.viewer.actor),
  claims.map(({ by }) => by.viewer.client),
  claims.map(({ by }) => by.correlationId),
  claims.map(({ kept }) => kept?.key ?? null),
  claims.map(({ kept }) => kept?.hash ?? null),
];

/** What was taken; `secret` in the answer of the statement, and not in one that is stored and repeated. */
export interface Taken extends AttemptKey {
  readonly secret?: string | undefined;
}

/** A row of the statement's answer. */
export interface TakenRow extends Taken {
  /** Of the claim among all, from 1. */
  readonly place: number;
}
