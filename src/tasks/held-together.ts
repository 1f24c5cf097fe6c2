import { hash } from "node:crypto";
import type { KeyedRequest } from "../access/idempotency.ts";
import { keyColumns } from "./keys.ts";
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
 * An array of parameters, so written that the planner does not see how long it is: a plan for one call would look cheaper than
 * one for any number, and be made again for each.
 */
const array = (n: number, type: string) => `(SELECT $${n}::${type}[])`;

const OF_ALL = {
  project_id: "text",
  task_id: "text",
  proof: "bytea",
  actor: "text",
  client: "text",
  correlation_id: "text",
  key: "text",
  request_hash: "bytea",
};

/**
 * Common table expressions, of which `held` joins each call with its task `t`, locked, and the attempt `x` that holds it for
 * the caller: not the calls whose key has an answer already, nor a second one for a task, nor those for a task that another
 * transaction works on just now, as two statements never wait for one row. Each is found by its key, and
 * what it is looked at for afterwards: as long as the planner knows of nothing that is held, it would walk past all that is. What has a lease is in progress.
 * Parameters are those of `heldParameters`, and an array for each of `own`.
 * @param own what each call says besides, with its type.
 * @param columns SQL of `t`.
 * @param condition SQL of `t`.
 */
export function heldByCallers(own: Readonly<Record<string, string>>, columns: string, condition = "true"): string {
  const said = Object.entries({ ...OF_ALL, ...own });
  return `asked AS MATERIALIZED (
  SELECT DISTINCT ON (a.project_id, a.task_id) a.*
  FROM unnest(${said.map(([, type], i) => array(i + 1, type)).join(", ")})
    WITH ORDINALITY AS a (${said.map(([name]) => name).join(", ")}, place)
  WHERE (SELECT k.key FROM idempotency_keys k WHERE k.actor = a.actor AND k.key = a.key) IS NULL
  ORDER BY a.project_id, a.task_id, a.place
), held AS MATERIALIZED (
  SELECT a.*, x.attempt, x.actor AS holder, t.* FROM asked a CROSS JOIN LATERAL (
    SELECT t.attempts, ${columns} FROM tasks t
    WHERE t.project_id = a.project_id AND t.task_id = a.task_id AND t.lease_expires_at IS NOT NULL AND ${condition}
    FOR NO KEY UPDATE SKIP LOCKED
  ) t CROSS JOIN LATERAL (
    SELECT x.* FROM task_attempts x
    WHERE x.project_id = a.project_id AND x.task_id = a.task_id AND x.attempt = t.attempts LIMIT 1
  ) x
  WHERE x.ended_at IS NULL AND CASE WHEN a.proof IS NULL THEN x.actor = a.actor AND x.client = a.client
    ELSE sha256(convert_to(x.attempt || '-' || x.secret, 'UTF8')) = a.proof END
)`;
}

export const heldParameters = (calls: readonly AskedByHolder[]) => [
  ...keyColumns(calls),
  calls.map(({ attempt }) => (attempt === null ? null : hash("sha256", attempt, "buffer"))),
  calls.map(({ by }) => by.viewer.actor),
  calls.map(({ by }) => by.viewer.client),
  calls.map(({ by }) => by.correlationId),
  calls.map(({ kept }) => kept?.key ?? null),
  calls.map(({ kept }) => kept?.hash ?? null),
];
