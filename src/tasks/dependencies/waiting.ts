import type { Sight } from "../../access/visibility.ts";
import type { Db } from "../../db/database.ts";
import { notArchived } from "../../projects/open.ts";
import { type LongField, TASK, type Task } from "../fields.ts";
import { keyColumns } from "../keys.ts";
import { READY } from "../ready.ts";
import type { TaskKey } from "../task.ts";

/** So many of those that wait for a task are told. */
export const MOST_TOLD = 100;

export interface WaitingQuery extends Sight {
  readonly long?: readonly LongField[] | undefined;
}

/** Of those that wait, or waited, for each task, its dependents and its parent: the ones that fit, as claims take them. */
const waiting = (name: string, condition: string) =>
  TASK.statement(
    name,
    (columns) => `SELECT of.place::int AS place, ${columns}
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS of (project_id, task_id, place)
  JOIN tasks s ON s.project_id = of.project_id AND s.task_id = of.task_id CROSS JOIN LATERAL (
  SELECT t.project_id, t.task_id FROM (
    SELECT d.project_id, d.task_id FROM task_dependencies d
    WHERE d.depends_on_project_id = s.project_id AND d.depends_on_task_id = s.task_id AND d.kind = 'blocks'
    UNION SELECT s.project_id, s.parent_task_id WHERE s.parent_task_id IS NOT NULL
  ) w JOIN tasks t USING (project_id, task_id)
  WHERE ${condition} AND ($3::text[] IS NULL OR t.project_id = ANY ($3)) AND ${notArchived("t.project_id")}
  ORDER BY t.priority, t.queue_position LIMIT ${MOST_TOLD}
) page JOIN tasks t ON t.project_id = page.project_id AND t.task_id = page.task_id
ORDER BY of.place, t.priority, t.queue_position`,
  );

const FREED = waiting("tasks-freed-by-this", `NOT is_open(s.status, s.deleted_at, s.is_template) AND ${READY}`);
const RESTED = waiting(
  "tasks-rested-on-this",
  "is_open(s.status, s.deleted_at, s.is_template) AND t.status = 'in_progress'",
);

/** Of each task that is settled: what waited for it, is ready now, and is seen. */
export const freedBy = (db: Db, tasks: readonly TaskKey[], query: WaitingQuery) => read(FREED, db, tasks, query);

/** Of each task that is open: what waits for it and is held all the same, and is seen. */
export const heldUpon = (db: Db, tasks: readonly TaskKey[], query: WaitingQuery) => read(RESTED, db, tasks, query);

async function read(
  statement: typeof FREED,
  db: Db,
  tasks: readonly TaskKey[],
  { long, projectIds }: WaitingQuery,
): Promise<Task[][]> {
  const rows = await db.read<Task & { readonly place: number }>(statement(long), [...keyColumns(tasks), projectIds]);
  const found = Map.groupBy(rows, ({ place }) => place - 1);
  return tasks.map((_task, i) => found.get(i) ?? []);
}
