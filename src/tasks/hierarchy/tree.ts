import type { Db } from "../../db/database.ts";
import { tooManyBelow } from "../../errors.ts";
import { type LongField, TASK, type Task } from "../fields.ts";
import { keyColumns } from "../keys.ts";
import type { StatusCount } from "../status-counts.ts";
import { TASK_STATUSES, type TaskKey, type TaskStatus } from "../task.ts";

/** So many tasks are read at once, in however many subtrees. */
export const MOST_BELOW = 2_000;

type Placed = Task & { readonly place: number };

const OF = "unnest($1::text[], $2::text[]) WITH ORDINALITY AS of (project_id, task_id, place)";

const ANCESTORS = TASK.statement(
  "tasks-ancestors",
  (columns) => `WITH RECURSIVE up (place, project_id, task_id) AS (
  SELECT of.place, t.project_id, t.parent_task_id FROM ${OF} JOIN tasks t USING (project_id, task_id)
  UNION ALL SELECT u.place, t.project_id, t.parent_task_id FROM up u JOIN tasks t USING (project_id, task_id)
)
SELECT u.place::int AS place, ${columns} FROM up u JOIN tasks t ON t.project_id = u.project_id AND t.task_id = u.task_id
WHERE t.deleted_at IS NULL ORDER BY u.place, t.depth DESC`,
);

/** Of each task those above it, its parent first. */
export async function ancestors(db: Db, tasks: readonly TaskKey[], long?: readonly LongField[]): Promise<Task[][]> {
  return ofEach(tasks, await db.read<Placed>(ANCESTORS(long), keyColumns(tasks)));
}

/** SQL: `below (place, project_id, task_id, path)`, each task and what lies below it, but for templates, in the order of the queue. */
const BELOW = `WITH RECURSIVE below (place, project_id, task_id, path) AS (
  SELECT of.place, t.project_id, t.task_id, ARRAY[]::bigint[] FROM ${OF} JOIN tasks t USING (project_id, task_id)
  UNION ALL SELECT b.place, c.project_id, c.task_id, b.path || c.priority::bigint || c.queue_position
  FROM below b JOIN tasks c ON c.project_id = b.project_id AND c.parent_task_id = b.task_id AND c.deleted_at IS NULL
    AND NOT c.is_template
)`;

const SUBTREE = TASK.statement(
  "tasks-subtree",
  (columns) => `${BELOW}
SELECT b.place::int AS place, ${columns} FROM (SELECT * FROM below LIMIT ${MOST_BELOW + 1}) b
  JOIN tasks t ON t.project_id = b.project_id AND t.task_id = b.task_id ORDER BY b.place, b.path`,
);

/**
 * Of each task itself and all that lies below it: each task before its children, those in the order of the queue.
 * @throws QUERY_TOO_COMPLEX for more than 2,000 tasks together.
 */
export async function subtrees(db: Db, tasks: readonly TaskKey[], long?: readonly LongField[]): Promise<Task[][]> {
  const rows = await db.read<Placed>(SUBTREE(long), keyColumns(tasks));
  if (rows.length > MOST_BELOW) throw tooManyBelow(MOST_BELOW);
  return ofEach(tasks, rows);
}

const COUNTS = {
  name: "tasks-descendant-counts",
  text: `${BELOW}
SELECT b.place::int AS place, t.status, count(*)::int AS count FROM below b JOIN tasks t USING (project_id, task_id)
WHERE b.path <> '{}' GROUP BY b.place, t.status`,
};

/** Of each task how many of all that lies below it have each status; every status is named. */
export async function descendantCounts(db: Db, tasks: readonly TaskKey[]): Promise<StatusCount[][]> {
  const rows = await db.read<{ place: number; status: TaskStatus; count: number }>(COUNTS, keyColumns(tasks));
  const found = new Map(rows.map(({ place, status, count }) => [`${place} ${status}`, count]));
  return tasks.map((_task, i) =>
    TASK_STATUSES.map((status) => ({ status, count: found.get(`${i + 1} ${status}`) ?? 0 })),
  );
}

function ofEach(tasks: readonly TaskKey[], rows: readonly Placed[]): Task[][] {
  const found = Map.groupBy(rows, ({ place }) => place - 1);
  return tasks.map((_task, i) => found.get(i) ?? []);
}
