import type { Db } from "../db/database.ts";
import { keyColumns } from "./keys.ts";
import type { TaskKey } from "./task.ts";

/** SQL: whether an attempt, of a table by this name, failed. */
export const failed = (attempt: string) => `${attempt}.outcome IN ('expired', 'failed')`;

/** SQL: how many attempts at a task, of a table by this name, failed. Its index has no others. */
export const failedAttempts = (task: string) =>
  `(SELECT count(*)::int FROM task_attempts f WHERE f.project_id = ${task}.project_id AND f.task_id = ${task}.task_id AND ${failed("f")})`;

const COUNT = {
  name: "task-failed-attempts",
  text: `SELECT ${failedAttempts("wanted")} AS count
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (project_id, task_id, place) ORDER BY place`,
};

/** How many attempts at each task failed, in the order of the tasks. */
export async function countFailedAttempts(db: Db, tasks: readonly TaskKey[]): Promise<number[]> {
  const rows = await db.read<{ count: number }>(COUNT, keyColumns(tasks));
  return rows.map(({ count }) => count);
}
