import { type Looking, requireProjects, visibleProjects } from "../access/visibility.ts";
import type { Db } from "../db/database.ts";
import { onLists } from "./on-lists.ts";
import { TASK_STATUSES, type TaskStatus } from "./task.ts";

export interface StatusCount {
  readonly status: TaskStatus;
  readonly count: number;
}

type Counts = Readonly<Record<TaskStatus, number>>;

/** One pass over the tasks of each project: grouped by two columns, all of them may be sorted first. */
const count = (name: string, projects: string) => ({
  name,
  text: `SELECT wanted.project_id, counted.* FROM ${projects} AS wanted (project_id) CROSS JOIN LATERAL (
  SELECT ${TASK_STATUSES.map((status) => `count(*) FILTER (WHERE t.status = '${status}')::int AS ${status}`).join(", ")}
  FROM tasks t WHERE t.project_id = wanted.project_id AND ${onLists()}
) counted`,
});
const COUNT_OF = count("task-status-counts-of", "(SELECT DISTINCT unnest($1::text[]))");
const COUNT_ALL = count(
  "task-status-counts-all",
  "(SELECT project_id FROM projects WHERE ($1::text[] IS NULL OR project_id = ANY ($1)) AND archived_at IS NULL)",
);

/** Tasks by status of each project, every status named. */
export async function statusCountsOf(db: Db, projectIds: readonly string[]): Promise<StatusCount[][]> {
  const rows = await db.read<Counts & { project_id: string }>(COUNT_OF, [projectIds]);
  const found = Map.groupBy(rows, ({ project_id }) => project_id);
  return projectIds.map((projectId) => sum(found.get(projectId) ?? []));
}

/** The same over all of these projects, or all visible ones that are not archived. @throws PROJECT_NOT_FOUND */
export async function statusCounts(ctx: Looking, projectIds: readonly string[] | null): Promise<StatusCount[]> {
  await requireProjects(ctx, projectIds ?? []);
  return sum(
    await (projectIds
      ? ctx.db.read<Counts>(COUNT_OF, [projectIds])
      : ctx.db.read<Counts>(COUNT_ALL, [visibleProjects(ctx.viewer)])),
  );
}

const sum = (rows: readonly Counts[]): StatusCount[] =>
  TASK_STATUSES.map((status) => ({ status, count: rows.reduce((total, counts) => total + counts[status], 0) }));
