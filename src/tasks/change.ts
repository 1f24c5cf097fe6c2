import type { Context } from "../access/viewer.ts";
import type { Statement } from "../db/database.ts";
import type { Changes } from "../log/write/changes.ts";
import { TASK, type TaskFields } from "./fields.ts";
import type { JudgedTask } from "./hold.ts";
import type { AttemptOutcome, TaskKey } from "./task.ts";

/** The task as events carry it: `TASK.document`. */
export type TaskDocument = Readonly<Record<string, unknown>>;

interface ChangedTask {
  readonly task: TaskDocument;
  /** Every field that is another now, with its old and its new value. */
  readonly changes: Changes;
}

/**
 * The statement that sets columns of a task, its version and its time of change; prepared, as planning is almost a
 * third of what it costs otherwise.
 * @param assignments SQL for the SET list; it may use $3 and on.
 */
export const changeStatement = (name: string, assignments: string) => ({
  name,
  text: `WITH before AS (
  SELECT ${TASK.document("t")} AS document FROM tasks t WHERE t.project_id = $1 AND t.task_id = $2
), after AS (
  UPDATE tasks t SET version = version + 1, updated_at = docket_now(), ${assignments}
  WHERE project_id = $1 AND task_id = $2 RETURNING ${TASK.document("t")} AS document
)
SELECT after.document AS task, changes_between(before.document, after.document) AS changes FROM before, after`,
});

/** SQL: what the completion of a task sets, with these notes where there are some; what failed before it is forgotten. */
export const SET_COMPLETED = (notes: string, task: string) =>
  `status = 'completed', completed_at = docket_now(), lease_expires_at = NULL, claimed_by = NULL,
    completion_notes = coalesce(${notes}, ${task}.completion_notes),
    failures = 0, ready_at = NULL, parked_at = NULL, parked_reason = NULL`;

/** @param statement made by `changeStatement`, with `values` from $3 on. */
export async function changeTask(
  { db }: Context,
  { projectId, taskId }: JudgedTask,
  statement: Statement,
  values: readonly unknown[] = [],
): Promise<ChangedTask> {
  const [changed] = await db.write<ChangedTask>(statement, [projectId, taskId, ...values]);
  if (!changed) throw new Error(`Task ${taskId} of ${projectId} vanished under its lock`);
  return changed;
}

const DOCUMENT = {
  name: "task-document",
  text: `SELECT ${TASK.document("t")} AS task FROM tasks t WHERE project_id = $1 AND task_id = $2`,
};

/** The task as it is now; its row is locked. */
export async function documentOf({ db }: Context, { projectId, taskId }: TaskKey): Promise<TaskDocument> {
  const [found] = await db.read<{ task: TaskDocument }>(DOCUMENT, [projectId, taskId]);
  return found?.task ?? {};
}

/** The same of several tasks of a project, by ID: all of each, or only these fields. */
export async function documentsOf(
  { db }: Context,
  projectId: string,
  taskIds: readonly string[],
  fields?: readonly (keyof TaskFields)[],
): Promise<ReadonlyMap<string, TaskDocument>> {
  const rows = await db.read<{ taskId: string; task: TaskDocument }>(
    `SELECT t.task_id AS "taskId", ${TASK.document("t", fields)} AS task FROM tasks t
     WHERE t.project_id = $1 AND t.task_id = ANY ($2::varchar[])`,
    [projectId, taskIds],
  );
  return new Map(rows.map(({ taskId, task }) => [taskId, task]));
}

export interface Ending {
  readonly notes?: string | null | undefined;
  readonly checkpoint?: unknown;
}

const END = {
  name: "attempt-end",
  text: `UPDATE task_attempts SET ended_at = docket_now(), outcome = $3, notes = coalesce($4, notes),
  checkpoint = coalesce($5, checkpoint), ended_by = CASE WHEN $6 OR actor <> $7 THEN $7 END WHERE project_id = $1 AND task_id = $2 AND ended_at IS NULL`,
};

/** Ends the open attempt, if there is one; its number is never current again. */
export async function endAttempt(
  { db, viewer }: Context,
  { projectId, taskId, authority }: JudgedTask,
  outcome: AttemptOutcome,
  { notes, checkpoint }: Ending = {},
): Promise<void> {
  await db.write(END, [
    projectId,
    taskId,
    outcome,
    notes ?? null,
    checkpoint == null ? null : JSON.stringify(checkpoint),
    authority.override === true,
    viewer.actor,
  ]);
}

/** The key of a task's events. */
export const subject = ({ projectId, taskId }: TaskKey) => ({
  projectId,
  subjectType: "task" as const,
  subjectId: taskId,
});
