import type { Db } from "../db/database.ts";
import { keyColumns } from "./keys.ts";
import type { TaskKey } from "./task.ts";

/** SQL of `tasks t`: whether it is open, and its due date has passed. */
export const IS_OVERDUE =
  "(t.status <> 'completed' AND NOT t.is_template AND coalesce(t.due_date <= (SELECT docket_now()), false))";

const ARE_OVERDUE = {
  name: "tasks-are-overdue",
  text: `SELECT ${IS_OVERDUE} AS overdue FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS of (project_id, task_id, place)
  JOIN tasks t USING (project_id, task_id) ORDER BY of.place`,
};

/** Of each task, whether it is overdue. */
export async function areOverdue(db: Db, tasks: readonly TaskKey[]): Promise<boolean[]> {
  const rows = await db.read<{ overdue: boolean }>(ARE_OVERDUE, keyColumns(tasks));
  return rows.map(({ overdue }) => overdue);
}
