import type { Db } from "../db/database.ts";
import { SERIALIZATION_FAILURE } from "../db/faults.ts";
import { idOfTask } from "./find.ts";
import { keyColumns } from "./keys.ts";
import type { TaskKey } from "./task.ts";

/** SQL: the keys of what waits for task $2 of project $1: its dependents and its parent. */
const WAITING = `SELECT d.project_id, d.task_id FROM task_dependencies d
  WHERE d.depends_on_project_id = $1 AND d.depends_on_task_id = $2 AND d.kind = 'blocks'
  UNION ALL SELECT t.project_id, t.parent_task_id FROM tasks t
  WHERE t.project_id = $1 AND t.task_id = $2 AND t.parent_task_id IS NOT NULL`;

const LOCK = {
  name: "task-lock-settling",
  text: `SELECT t.project_id AS "projectId", t.task_id AS "taskId" FROM tasks t
WHERE (t.project_id, t.task_id) IN (SELECT $1::varchar, $2::varchar UNION ALL ${WAITING})
ORDER BY t.project_id, t.task_id FOR NO KEY UPDATE OF t`,
};
const FOUND = {
  name: "task-waiting",
  text: `SELECT w.project_id AS "projectId", w.task_id AS "taskId" FROM (${WAITING}) w`,
};

/**
 * Locks a task that is about to be completed, deleted or opened again, together with what waits for it, as a trigger counts
 * on those rows: all in the order of their keys, so that no two such transactions wait for each other. What came to wait for
 * it while the locks were waited for is not among them: the transaction is run again.
 */
export async function lockSettling(db: Db, { projectId, taskId }: TaskKey): Promise<void> {
  const key = [projectId, taskId];
  requireAll(await db.write<TaskKey>(LOCK, key), await db.read<TaskKey>(FOUND, key));
}

/** The same of all these tasks $1, $2: for one alone this takes more than twice as long. */
const ALL_WAITING = `SELECT d.project_id, d.task_id FROM unnest($1::varchar[], $2::varchar[]) AS s (project_id, task_id)
    JOIN task_dependencies d ON d.depends_on_project_id = s.project_id AND d.depends_on_task_id = s.task_id AND d.kind = 'blocks'
  UNION ALL SELECT t.project_id, t.parent_task_id FROM unnest($1::varchar[], $2::varchar[]) AS s (project_id, task_id)
    JOIN tasks t USING (project_id, task_id) WHERE t.parent_task_id IS NOT NULL`;

const LOCK_ALL = {
  name: "tasks-lock-settling",
  text: `SELECT t.project_id AS "projectId", t.task_id AS "taskId", t.depth FROM tasks t
WHERE (t.project_id, t.task_id) IN (SELECT * FROM unnest($1::varchar[], $2::varchar[]) UNION ALL ${ALL_WAITING})
ORDER BY t.project_id, t.task_id FOR NO KEY UPDATE OF t`,
};
const ALL_FOUND = {
  name: "tasks-waiting-for-these",
  text: `SELECT w.project_id AS "projectId", w.task_id AS "taskId" FROM (${ALL_WAITING}) w`,
};

/**
 * The same for several tasks that may be settled together.
 * @returns those that are there and what waits for them, with how deep they lie.
 */
export async function lockAllSettling(
  db: Db,
  tasks: readonly TaskKey[],
): Promise<(TaskKey & { readonly depth: number })[]> {
  const keys = keyColumns(tasks);
  const locked = await db.write<TaskKey & { depth: number }>(LOCK_ALL, keys);
  requireAll(locked, await db.read<TaskKey>(ALL_FOUND, keys));
  return locked;
}

/** @throws what runs the transaction again. */
function requireAll(locked: readonly TaskKey[], waiting: readonly TaskKey[]): void {
  const ids = new Set(locked.map(idOfTask));
  if (waiting.some((task) => !ids.has(idOfTask(task))))
    throw Object.assign(new Error("Something else came to wait for these tasks"), { code: SERIALIZATION_FAILURE });
}
