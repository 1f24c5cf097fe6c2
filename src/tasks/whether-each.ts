import type { Db } from "../db/database.ts";
import { keyColumns } from "./keys.ts";
import type { TaskKey } from "./task.ts";

/**
 * Reads of each task, in their order, whether a condition holds.
 * @param name of the statement.
 * @param condition SQL of `tasks t`.
 * @param joined what else the condition is about.
 */
export function whetherEach(name: string, condition: string, joined = "") {
  const statement = {
    name,
    text: `SELECT ${condition} AS holds FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS of (project_id, task_id, place)
  JOIN tasks t USING (project_id, task_id) ${joined} ORDER BY of.place`,
  };
  return async (db: Db, tasks: readonly TaskKey[]): Promise<boolean[]> => {
    const rows = await db.read<{ holds: boolean }>(statement, keyColumns(tasks));
    return rows.map(({ holds }) => holds);
  };
}
