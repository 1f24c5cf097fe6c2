import type { Context } from "../access/viewer.ts";
import { requireProjects, visibleProjects } from "../access/visibility.ts";
import { type Order, type Page, type PageArgs, pageQuery, parameters } from "../db/page.ts";
import { projectsOf, type TaskFilter, taskCondition } from "./filter.ts";
import { TASK_COLUMNS, type Task } from "./task.ts";

const PLACE = { sql: "t.queue_position", type: "bigint" };

const TASK_ORDERS = {
  queue: { name: "queue", columns: [{ sql: "t.priority", type: "smallint" }, PLACE], direction: "ASC" },
  newest: { name: "newest", columns: [{ sql: "t.created_at", type: "timestamptz" }, PLACE], direction: "DESC" },
  oldest: { name: "oldest", columns: [{ sql: "t.created_at", type: "timestamptz" }, PLACE], direction: "ASC" },
  updated: { name: "updated", columns: [{ sql: "t.updated_at", type: "timestamptz" }, PLACE], direction: "DESC" },
  // Tasks without a due date come last.
  due: {
    name: "due",
    columns: [{ sql: "coalesce(t.due_date, 'infinity')", type: "timestamptz" }, PLACE],
    direction: "ASC",
  },
} as const satisfies Record<string, Order>;

export interface ListTasks extends PageArgs {
  /** Only of this project, which the caller knows to be visible. */
  readonly projectId?: string;
  readonly filter?: TaskFilter | null | undefined;
  readonly orderBy?: keyof typeof TASK_ORDERS | null | undefined;
}

export type TaskPage = Page<Task> & { totalCount(): Promise<number> };

/**
 * A page of the visible tasks that fit the filter, deleted and archived ones left out.
 * @throws PROJECT_NOT_FOUND when the filter names an unknown or foreign project; BAD_USER_INPUT
 */
export async function listTasks(ctx: Context, { projectId, filter, orderBy, ...page }: ListTasks): Promise<TaskPage> {
  await requireProjects(ctx, projectsOf(filter ?? {}));
  const { values, bind } = parameters();
  const where = matching(ctx, { projectId, filter }, bind);
  const { key, condition, tail, toPage } = pageQuery(page, TASK_ORDERS[orderBy ?? "queue"], bind);
  const rows = await ctx.db.read<Task & { cursorKey: string[] }>(
    // The rows of the page are found by their keys first: sorting thousands of whole tasks costs ten times as much.
    `SELECT ${TASK_COLUMNS}, ${key} AS "cursorKey" FROM (
       SELECT t.project_id, t.task_id FROM tasks t WHERE ${where} AND ${condition} ${tail}
     ) page JOIN tasks t USING (project_id, task_id) ${tail}`,
    values,
  );
  return { ...toPage(rows), totalCount: () => countTasks(ctx, { projectId, filter }) };
}

type Matching = Pick<ListTasks, "filter"> & { readonly projectId: string | undefined };

async function countTasks(ctx: Context, which: Matching): Promise<number> {
  const { values, bind } = parameters();
  const [counted] = await ctx.db.read<{ count: number }>(
    `SELECT count(*)::int AS count FROM tasks t WHERE ${matching(ctx, which, bind)}`,
    values,
  );
  return counted?.count ?? 0;
}

function matching({ viewer }: Context, { projectId, filter }: Matching, bind: (value: unknown) => string): string {
  const visible = visibleProjects(viewer);
  return [
    "t.deleted_at IS NULL AND t.archived_at IS NULL",
    ...(visible ? [`t.project_id = ANY (${bind(visible)}::text[])`] : []),
    ...(projectId === undefined ? [] : [`t.project_id = ${bind(projectId)}`]),
    taskCondition(filter ?? {}, bind),
  ].join(" AND ");
}
