import type { Db } from "../db/database.ts";
import { type LongField, TASK, type Task } from "./fields.ts";
import { keyColumns } from "./keys.ts";
import type { TaskKey } from "./task.ts";

const FIND = TASK.statement(
  "tasks-find",
  (columns) => `SELECT ${columns} FROM unnest($1::text[], $2::text[]) AS wanted (project_id, task_id)
JOIN tasks t USING (project_id, task_id)`,
);

/**
 * The tasks as they are now, deleted ones too, in the order of the keys; null where there is none.
 * @param long default: all of them
 */
export async function findTasks(
  db: Db,
  keys: readonly TaskKey[],
  long?: readonly LongField[],
): Promise<(Task | null)[]> {
  const rows = await db.read<Task>(FIND(long), keyColumns(keys));
  const found = new Map(rows.map((task) => [idOfTask(task), task]));
  return keys.map((key) => found.get(idOfTask(key)) ?? null);
}

export const idOfTask = ({ projectId, taskId }: TaskKey) => `${projectId}/${taskId}`;
