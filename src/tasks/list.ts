import { amongProjects, type Looking, type Sight, visibleProjects } from "../access/visibility.ts";
import { all, among } from "../db/comparators.ts";
import { type CountedPage, countedPage } from "../db/counted-list.ts";
import type { Db } from "../db/database.ts";
import { ordersOf } from "../db/order.ts";
import { type Keyed, type Page, type PageArgs, type PageQuery, pageQuery } from "../db/page.ts";
import { type Bind, parameters } from "../db/parameters.ts";
import { prepared } from "../db/prepared.ts";
import { amongListed } from "../projects/shown.ts";
import { failedAttempts } from "./failed.ts";
import { TASK, type Task, type TaskFields } from "./fields.ts";
import { asksForArchived, asksForTemplates, projectsOf, type TaskFilter, taskCondition } from "./filter.ts";
import { keyTable } from "./keys.ts";
import type { TaskKey } from "./task.ts";

const instant = (sql: string) => [{ sql, type: "timestamptz" }];
const maybeInstant = (sql: string) => [{ sql, type: "timestamptz", nullable: true as const }];

const orderOf = ordersOf(
  "tasks",
  { sql: "t.queue_position", type: "bigint" },
  {
    queue: [{ sql: "t.priority", type: "smallint" }],
    createdAt: instant("t.created_at"),
    updatedAt: instant("t.updated_at"),
    startedAt: maybeInstant("t.started_at"),
    completedAt: maybeInstant("t.completed_at"),
    dueDate: maybeInstant("t.due_date"),
    leaseExpiresAt: maybeInstant("t.lease_expires_at"),
    attemptCount: [{ sql: "t.attempts", type: "integer" }],
    failedAttempts: [{ sql: failedAttempts("t"), type: "integer" }],
  },
);

/** As claims take them. */
export const QUEUE = { field: "queue", direction: "ASC" } as const;

export interface ListTasks extends PageArgs {
  readonly filter?: TaskFilter | null | undefined;
  readonly orderBy?: Parameters<typeof orderOf>[0] | null | undefined;
  /** What is read of each, beside its key. Default: everything. */
  readonly fields?: readonly (keyof TaskFields)[] | undefined;
}

const columns = (fields: ListTasks["fields"]) =>
  fields ? TASK.selectOnly(["projectId", "taskId", ...fields]) : TASK.select();

export type TaskPage = Page<Task>;

/**
 * A page of the visible tasks that fit the filter, deleted and archived ones left out, and those of archived projects
 * that nobody named; templates of recurring tasks where it asks for them.
 * @throws PROJECT_NOT_FOUND when the filter names an unknown or foreign project; BAD_USER_INPUT
 */
export async function listTasks(
  ctx: Looking,
  { filter, orderBy, fields, ...page }: ListTasks,
): Promise<CountedPage<Task>> {
  const merged = isMerged(filter, orderBy ?? QUEUE);
  const list = (bind: Bind) => ({
    get all() {
      return `FROM tasks t WHERE ${listed(ctx.viewer, filter, bind)}`;
    },
    common: merged || isCommon(filter),
    page: (query: PageQuery) => {
      const { key, condition, sort, limit } = query;
      const found = merged
        ? firstOfEach(ctx.viewer, filter, bind, query)
        : `tasks t WHERE ${listed(ctx.viewer, filter, bind)} AND ${condition}`;
      // The rows of the page are found by their keys first: sorting thousands of whole tasks costs ten times as much.
      return `SELECT ${columns(fields)}, ${key} AS "cursorKey" FROM (
         SELECT t.project_id, t.task_id FROM ${found} ${sort} ${limit}
       ) page JOIN tasks t USING (project_id, task_id) ${sort}`;
    },
  });
  return await amongProjects(
    ctx,
    projectsOf(filter ?? {}),
    () => countedPage<Task>(ctx.db, list, orderOf(orderBy ?? QUEUE), page),
    ({ edges }) => edges.map(({ node }) => node.projectId),
  );
}

/** The same page of each project, in the order of the projects. Whether they may be seen is the caller's to know. */
export async function listTasksOf(
  db: Db,
  projectIds: readonly string[],
  { filter, orderBy, fields, ...page }: ListTasks,
): Promise<TaskPage[]> {
  const { values, bind } = parameters();
  const wanted = bind(projectIds);
  const where = matching(filter, bind);
  const { key, condition, sort, limit, toPage } = pageQuery(page, orderOf(orderBy ?? QUEUE), bind);
  const text = `SELECT ${columns(fields)}, ${key} AS "cursorKey" FROM unnest(${wanted}::text[]) AS wanted (of) CROSS JOIN LATERAL (
       SELECT t.project_id, t.task_id FROM tasks t
       WHERE t.project_id = wanted.of AND ${where} AND ${condition} ${sort} ${limit}
     ) page JOIN tasks t USING (project_id, task_id) ${sort}`;
  const rows = await db.read<Task & Keyed>(hasOnePlan(filter) ? prepared(text) : text, values);
  const found = Map.groupBy(rows, ({ projectId }) => projectId);
  return projectIds.map((projectId) => toPage(found.get(projectId) ?? []));
}

/** What a task has, as SQL over `tasks t` and the column `wanted.parent`. */
const RELATIVES = {
  children: "t.parent_task_id = wanted.parent AND NOT t.is_template",
  instances: "t.parent_recurring_task_id = wanted.parent",
} as const;
export type Relatives = keyof typeof RELATIVES;

const relative = (relatives: Relatives) =>
  `t.project_id = wanted.of AND ${RELATIVES[relatives]} AND t.deleted_at IS NULL AND t.archived_at IS NULL`;

/** The same page of what each task has, in the order of the tasks. Whether they may be seen is the caller's to know. */
export async function listRelativesOf(
  db: Db,
  relatives: Relatives,
  parents: readonly TaskKey[],
  { orderBy, fields, ...page }: Omit<ListTasks, "filter">,
): Promise<TaskPage[]> {
  const { values, bind } = parameters();
  const of = ofParents(parents, bind);
  const { key, condition, sort, limit, toPage } = pageQuery(page, orderOf(orderBy ?? QUEUE), bind);
  const text = `SELECT wanted.place::int AS place, ${columns(fields)}, ${key} AS "cursorKey" FROM ${of} CROSS JOIN LATERAL (
       SELECT t.project_id, t.task_id FROM tasks t WHERE ${relative(relatives)} AND ${condition} ${sort} ${limit}
     ) page JOIN tasks t USING (project_id, task_id) ${sort}`;
  const rows = await db.read<Task & Keyed & { readonly place: number }>(prepared(text), values);
  const found = Map.groupBy(rows, ({ place }) => place - 1);
  return parents.map((_parent, i) => toPage(found.get(i) ?? []));
}

/** How many of them each task has. */
export async function countRelativesOf(db: Db, relatives: Relatives, parents: readonly TaskKey[]): Promise<number[]> {
  const { values, bind } = parameters();
  const rows = await db.read<{ count: number }>(
    `SELECT (SELECT count(*) FROM tasks t WHERE ${relative(relatives)})::int AS count FROM ${ofParents(parents, bind)} ORDER BY wanted.place`,
    values,
  );
  return rows.map(({ count }) => count);
}

const ofParents = (parents: readonly TaskKey[], bind: Bind) =>
  `${keyTable(parents, bind)} WITH ORDINALITY AS wanted (of, parent, place)`;

/** What a page of several projects can be of, in the order of the queue: as much of each of them. */
function firstOfEach(viewer: Sight, filter: ListTasks["filter"], bind: Bind, { condition, sort, limit }: PageQuery) {
  const visible = visibleProjects(viewer);
  const wanted = filter?.projects
    ? `unnest(${bind([...new Set(filter.projects)])}::text[])`
    : `(SELECT project_id FROM projects p WHERE ${all(["archived_at IS NULL", visible && among("project_id", visible, bind)])})`;
  return `${wanted} AS wanted (of) CROSS JOIN LATERAL (
           SELECT t.project_id, t.task_id, t.priority, t.queue_position FROM tasks t
           WHERE t.project_id = wanted.of AND ${matching({ ...filter, projects: null }, bind)} AND ${condition} ${sort} ${limit}
         ) t`;
}

/** How many tasks of each project fit the filter. */
export async function countTasksOf(
  db: Db,
  projectIds: readonly string[],
  filter: ListTasks["filter"],
): Promise<number[]> {
  const { values, bind } = parameters();
  const rows = await db.read<{ project_id: string; count: number }>(
    `SELECT t.project_id, count(*)::int AS count FROM tasks t
     WHERE t.project_id = ANY (${bind(projectIds)}::text[]) AND ${matching(filter, bind)} GROUP BY t.project_id`,
    values,
  );
  const found = new Map(rows.map(({ project_id, count }) => [project_id, count]));
  return projectIds.map((projectId) => found.get(projectId) ?? 0);
}

/**
 * What is listed of `tasks t`: of the projects that the viewer sees, of archived ones only where the filter names them.
 * Whether it may see those that the filter names, the caller has judged.
 */
export function listed(viewer: Sight, filter: ListTasks["filter"], bind: Bind): string {
  // Nothing else can fit than what is of these.
  if (filter?.projects) return matching(filter, bind);
  return all([amongListed("t.project_id", viewer, projectsOf(filter ?? {}), bind), matching(filter, bind)]);
}

/** Other filters need a plan for what they look for: a text that is rare is found by another index than one that is not. */
const COMMON: ReadonlySet<string> = new Set<keyof TaskFilter>(["projects", "status", "kind", "priority"]);

/** Whether one plan is good for all values. Of several projects, or of all, it depends on how many there are. */
const isCommon = (filter: ListTasks["filter"]) => filter?.projects?.length === 1 && hasOnePlan(filter);

/** The same once for each project. */
const hasOnePlan = (filter: ListTasks["filter"]) =>
  Object.entries(filter ?? {}).every(([name, given]) => given == null || COMMON.has(name));

/** What waits in several projects lies in an index project by project, in the order of the queue: nothing else is read. */
const isMerged = (filter: ListTasks["filter"], { field }: Parameters<typeof orderOf>[0]) =>
  field === "queue" && filter?.status?.eq === "pending" && filter.projects?.length !== 1 && hasOnePlan(filter);

const matching = (filter: ListTasks["filter"], bind: Bind) =>
  all([
    "t.deleted_at IS NULL",
    !asksForArchived(filter ?? {}) && "t.archived_at IS NULL",
    !asksForTemplates(filter ?? {}) && "NOT t.is_template",
    taskCondition(filter ?? {}, bind),
  ]);
