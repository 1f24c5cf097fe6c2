import type { Db } from "../db/database.ts";
import { onLists } from "./on-lists.ts";
import { MATURED, PENDING, UNASKED } from "./ready.ts";

/** How many tasks of a project have a status; those of null are of all projects together that have none of their own. */
export interface TaskTotal {
  readonly project: string | null;
  readonly status: string;
  readonly tasks: number;
  readonly parked: number;
  /** How long the oldest ready one has waited. */
  readonly queueSeconds: number;
}

/** Since when a ready task waits: it was added, its time came, what it waited for was completed, or it was given back. */
const SINCE = `greatest(t.created_at, t.ready_at,
      (SELECT max(b.completed_at) FROM task_dependencies d
        JOIN tasks b ON (b.project_id, b.task_id) = (d.depends_on_project_id, d.depends_on_task_id)
        WHERE (d.project_id, d.task_id) = (t.project_id, t.task_id) AND d.kind = 'blocks'),
      (SELECT max(c.completed_at) FROM tasks c WHERE (c.project_id, c.parent_task_id) = (t.project_id, t.task_id)),
      CASE WHEN t.attempts > 0 THEN
        (SELECT max(a.ended_at) FROM task_attempts a WHERE (a.project_id, a.task_id) = (t.project_id, t.task_id)) END)`;

const COUNT = {
  name: "task-totals",
  text: `WITH counted AS MATERIALIZED (
  SELECT project_id, status, count(*) AS tasks, count(parked_at) AS parked,
    min(${SINCE}) FILTER (WHERE ((${PENDING}) OR (${MATURED})) AND ${UNASKED}) AS ready_since
  FROM tasks t WHERE ${onLists()} GROUP BY project_id, status
), largest AS MATERIALIZED (
  SELECT project_id FROM counted GROUP BY project_id ORDER BY sum(tasks) DESC, project_id LIMIT $1
)
SELECT l.project_id AS project, c.status, sum(c.tasks)::int AS tasks, sum(c.parked)::int AS parked,
  greatest(coalesce(extract(epoch FROM docket_now() - min(c.ready_since)), 0), 0)::float8 AS "queueSeconds"
FROM counted c LEFT JOIN largest l USING (project_id) GROUP BY 1, 2`,
};

/** The tasks on lists, of the `most` largest projects one by one. */
export const taskTotals = (db: Db, most: number) => db.read<TaskTotal>(COUNT, [most]);
