import { hash } from "node:crypto";
import type { KeyedRequest } from "../access/idempotency.ts";
import type { Taker } from "./take.ts";
import type { TaskKey } from "./task.ts";

/** A call of a task's holder. */
export interface AskedByHolder extends TaskKey {
  /** As it was given; null: what this key and client opened. */
  readonly attempt: string | null;
  readonly by: Taker;
  readonly kept: KeyedRequest | null;
}

/** Calls that one statement may carry. */
export const MOST_CALLS = 100;

/**
 * Common table expressions, of which `held` joins each of the calls $1–$8 with its task `t` and the attempt `x` that holds it
 * for the caller: not the calls whose key has an answer already, nor a second one for a task, nor those for a task that
 * another transaction works on just now, as two statements never wait for one row.
 * @param own SQL: names of what each call says besides, which are the arrays from $9 on, with their types.
 * @param columns SQL of the task and its attempt.
 */
export function heldByCallers(own: Readonly<Record<string, string>>, columns: string, condition = "true"): string {
  const arrays = Object.values(own).map((type, i) => `, $${i + 9}::${type}[]`);
  const names = Object.keys(own).map((name) => `${name}, `);
  return `asked AS MATERIALIZED (
  SELECT DISTINCT ON (a.project_id, a.task_id) a.*
  FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[]${arrays.join("")})
    WITH ORDINALITY AS a (project_id, task_id, proof, actor, client, correlation_id, key, request_hash, ${names.join("")}place)
  WHERE (SELECT k.key FROM idempotency_keys k WHERE k.actor = a.actor AND k.key = a.key) IS NULL
  ORDER BY a.project_id, a.task_id, a.place
), held AS (
  SELECT a.*, ${columns} FROM asked a
    JOIN tasks t ON t.project_id = a.project_id AND t.task_id = a.task_id
    JOIN task_attempts x ON x.project_id = t.project_id AND x.task_id = t.task_id AND x.attempt = t.attempts
  WHERE t.status = 'in_progress' AND t.deleted_at IS NULL AND x.ended_at IS NULL AND ${condition}
    AND CASE WHEN a.proof IS NULL THEN x.actor = a.actor AND x.client = a.client
      ELSE sha256(convert_to(x.attempt || '-' || x.secret, 'UTF8')) = a.proof END
  FOR NO KEY UPDATE OF t SKIP LOCKED
)`;
}

export const heldParameters = (calls: readonly AskedByHolder[]) => [
  calls.map(({ projectId }) => projectId),
  calls.map(({ taskId }) => taskId),
  calls.map(({ attempt }) => (attempt === null ? null : hash("sha256", attempt, "buffer"))),
  calls.map(({ by }) => by.viewer.actor),
  calls.map(({ by }) => by.viewer.client),
  calls.map(({ by }) => by.correlationId),
  calls.map(({ kept }) => kept?.key ?? null),
  calls.map(({ kept }) => kept?.hash ?? null),
];
