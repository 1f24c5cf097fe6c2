import type { Db } from "../db/database.ts";
import { keyColumns } from "./keys.ts";
import type { TaskKey } from "./task.ts";

const LOCK = {
  name: "tasks-lock",
  text: `SELECT t.project_id AS "projectId", t.task_id AS "taskId" FROM tasks t
WHERE (t.project_id, t.task_id) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND t.deleted_at IS NULL
ORDER BY t.project_id, t.task_id FOR NO KEY UPDATE`,
};

/**
 * Locks several tasks in the order of their keys, as whatever locks more than one does, so that no two such transactions
 * wait for each other. A deleted one is not locked.
 * @returns those that are there.
 */
export async function lockTasks(db: Db, keys: readonly TaskKey[]): Promise<TaskKey[]> {
  return db.write<TaskKey>(LOCK, keyColumns(keys));
}
