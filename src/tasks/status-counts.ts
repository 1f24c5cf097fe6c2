import { type Looking, requireProjects, visibleProjects } from "../access/visibility.ts";
import type { Db } from "../db/database.ts";
import { notArchived } from "../projects/open.ts";
import { TASK_STATUSES, type TaskStatus } from "./task.ts";

export interface StatusCount {
  readonly status: TaskStatus;
  readonly count: number;
}

const count = (name: string, condition: string) => ({
  name,
  text: `SELECT project_id, status, count(*)::int AS count FROM tasks
WHERE ${condition} AND deleted_at IS NULL AND archived_at IS NULL
GROUP BY project_id, status`,
});
const COUNT_OF = count("task-status-counts-of", "project_id = ANY ($1::text[])");
const COUNT_ALL = count(
  "task-status-counts-all",
  `($1::text[] IS NULL OR project_id = ANY ($1)) AND ${notArchived("project_id")}`,
);

/** Tasks by status of each project, every status named. */
export async function statusCountsOf(db: Db, projectIds: readonly string[]): Promise<StatusCount[][]> {
  const rows = await db.read<StatusCount & { project_id: string }>(COUNT_OF, [projectIds]);
  const found = Map.groupBy(rows, ({ project_id }) => project_id);
  return projectIds.map((projectId) => sum(found.get(projectId) ?? []));
}

/** The same over all of these projects, or all visible ones that are not archived. @throws PROJECT_NOT_FOUND */
export async function statusCounts(ctx: Looking, projectIds: readonly string[] | null): Promise<StatusCount[]> {
  await requireProjects(ctx, projectIds ?? []);
  return sum(
    await (projectIds
      ? ctx.db.read<StatusCount>(COUNT_OF, [projectIds])
      : ctx.db.read<StatusCount>(COUNT_ALL, [visibleProjects(ctx.viewer)])),
  );
}

const sum = (rows: readonly StatusCount[]): StatusCount[] =>
  TASK_STATUSES.map((status) => ({
    status,
    count: rows.filter((row) => row.status === status).reduce((total, { count }) => total + count, 0),
  }));
