import { caller, onlyOf } from "../access/act-as.ts";
import { combinedByKey, rowOfEach } from "../db/combined-by-key.ts";
import type { Db } from "../db/database.ts";
import { leaveEventsOfEach } from "../log/write/append.ts";
import { SET_COMPLETED } from "./change.ts";
import { TASK } from "./fields.ts";
import { type AskedByHolder, heldByCallers, heldParameters, MOST_CALLS } from "./held-together.ts";

/** SQL: nothing waits for the task `t`, so that its completion locks, counts and tells of no other task. */
const NOTHING_WAITS = `t.parent_task_id IS NULL AND (
      SELECT d.task_id FROM task_dependencies d
      WHERE d.depends_on_project_id = t.project_id AND d.depends_on_task_id = t.task_id LIMIT 1) IS NULL`;

/** Completes what the callers hold, each with its event and, where a key came, its answer. */
export const COMPLETE_HELD = {
  name: "task-complete-held",
  text: `WITH ${caller(onlyOf("$4"), onlyOf("$5"), onlyOf("$6"))}, ${heldByCallers(
    { notes: "text", worker: "text" },
    `${TASK.document("t")} AS before`,
    NOTHING_WAITS,
  )}, completed AS (
  UPDATE tasks t SET version = t.version + 1, updated_at = docket_now(), ${SET_COMPLETED("h.notes", "t")}
  FROM caller CROSS JOIN held h WHERE t.project_id = h.project_id AND t.task_id = h.task_id
  RETURNING h.*, ${TASK.document("t")} AS after
), ended AS (
  UPDATE task_attempts x SET ended_at = docket_now(), outcome = 'completed', notes = coalesce(c.notes, x.notes),
    ended_by = nullif(c.actor, c.holder)
  FROM completed c WHERE x.project_id = c.project_id AND x.task_id = c.task_id AND x.attempt = c.attempt
), told AS (
  ${leaveEventsOfEach(`SELECT c.place, 'task.completed' AS type, c.project_id, 'task' AS subject_type, c.task_id AS subject_id,
      jsonb_build_object('task', c.after, 'changes', changes_between(c.before, c.after)) AS payload,
      c.actor, c.client, c.correlation_id
    FROM completed c`)}
), kept AS (
  INSERT INTO idempotency_keys (actor, key, operation, request_hash, result)
  SELECT c.actor, c.key, 'updateTaskStatus', c.request_hash,
    jsonb_build_object('projectId', c.project_id, 'taskId', c.task_id, 'attempt', NULL, 'worker', c.worker)
  FROM completed c WHERE c.key IS NOT NULL
)
SELECT c.place FROM completed c`,
};

/** A completion by the holder. */
export interface AskedCompletion extends AskedByHolder {
  readonly notes: string | null;
  /** As the caller named itself. */
  readonly worker: string;
}

const completeParameters = (calls: readonly AskedCompletion[]) => [
  ...heldParameters(calls),
  calls.map(({ notes }) => notes),
  calls.map(({ worker }) => worker),
];

const combined = combinedByKey<AskedCompletion, boolean>({
  largestBatch: MOST_CALLS,
  wrote: (done) => done,
});

/**
 * Completes a task that nothing waits for, together with others that come while such a batch is under way.
 * @returns whether it did; false: nothing was done.
 */
export function completeTogether(db: Db, call: AskedCompletion): Promise<boolean> {
  return combined(db, call, [], async (take, options) => {
    const rows = await db.write<{ place: number }>(COMPLETE_HELD, () => completeParameters(take()), options);
    return rowOfEach(take(), rows).map((done) => done !== null);
  });
}
