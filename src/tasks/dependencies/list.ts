import type { Sight } from "../../access/visibility.ts";
import type { Db } from "../../db/database.ts";
import { type OrderBy, ordersOf } from "../../db/order.ts";
import { type Direction, type Keyed, type Page, type PageArgs, pageQuery, pageSize } from "../../db/page.ts";
import { parameters } from "../../db/parameters.ts";
import { type LongField, TASK, type Task } from "../fields.ts";
import { keyColumns, keyTable } from "../keys.ts";
import type { TaskKey } from "../task.ts";
import type { DependencyKind } from "./dependency.ts";

export type DependencyOrder = OrderBy<"task">;
/** By project, then ID. */
export const BY_TASK: DependencyOrder = { field: "task", direction: "ASC" };

/** Which way: what the task waits for, or what waits for it. */
type Way = "blockedBy" | "blocks";

export interface DependenciesQuery {
  readonly way: Way;
  readonly orderBy?: DependencyOrder | null | undefined;
  readonly first?: number | null | undefined;
  /** The last one seen. */
  readonly after?: TaskKey | null | undefined;
  readonly long?: readonly LongField[] | undefined;
  /** The projects that the asker sees; null: every one. */
  readonly projectIds: Sight["projectIds"];
}

/** Where a way begins and where it leads, as columns of a dependency. */
const COLUMNS = {
  blockedBy: { from: ["project_id", "task_id"], to: ["depends_on_project_id", "depends_on_task_id"] },
  blocks: { from: ["depends_on_project_id", "depends_on_task_id"], to: ["project_id", "task_id"] },
} as const;

const listStatement = (way: Way, direction: Direction) => {
  const { from, to } = COLUMNS[way];
  const sorted = (row: string) => `${row}.project_id ${direction}, ${row}.task_id ${direction}`;
  return TASK.statement(
    `tasks-${way === "blocks" ? "blocked-by-this" : "blocking-this"}-${direction}`,
    (columns) => `SELECT of.place::int AS place, ${columns}
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS of (project_id, task_id, place) CROSS JOIN LATERAL (
  SELECT o.project_id, o.task_id FROM task_dependencies d
    JOIN tasks o ON o.project_id = d.${to[0]} AND o.task_id = d.${to[1]} AND o.deleted_at IS NULL
  WHERE d.${from[0]} = of.project_id AND d.${from[1]} = of.task_id AND d.kind = 'blocks'
    AND ($3::text[] IS NULL OR o.project_id = ANY ($3))
    AND ($4::text IS NULL OR (o.project_id, o.task_id) ${direction === "ASC" ? ">" : "<"} ($4, $5::text))
  ORDER BY ${sorted("o")} LIMIT $6
) page JOIN tasks t ON t.project_id = page.project_id AND t.task_id = page.task_id ORDER BY of.place, ${sorted("t")}`,
  );
};
const LIST = {
  blockedBy: { ASC: listStatement("blockedBy", "ASC"), DESC: listStatement("blockedBy", "DESC") },
  blocks: { ASC: listStatement("blocks", "ASC"), DESC: listStatement("blocks", "DESC") },
};

/**
 * Of each task a page of those that it waits for, or that wait for it, by project and ID: completed ones too, deleted ones
 * and those of projects that the asker does not see left out.
 * @throws BAD_USER_INPUT for a bad page.
 */
export async function listDependencies(
  db: Db,
  tasks: readonly TaskKey[],
  { way, orderBy, first, after, long, projectIds }: DependenciesQuery,
): Promise<Task[][]> {
  const rows = await db.read<Task & { readonly place: number }>(LIST[way][(orderBy ?? BY_TASK).direction](long), [
    ...keyColumns(tasks),
    projectIds,
    after?.projectId ?? null,
    after?.taskId ?? null,
    pageSize(first),
  ]);
  const found = Map.groupBy(rows, ({ place }) => place - 1);
  return tasks.map((_task, i) => found.get(i) ?? []);
}

const HIDDEN = {
  name: "tasks-blocked-by-hidden",
  text: `SELECT EXISTS (SELECT FROM task_dependencies d
  JOIN tasks b ON b.project_id = d.depends_on_project_id AND b.task_id = d.depends_on_task_id
  WHERE d.project_id = of.project_id AND d.task_id = of.task_id AND d.kind = 'blocks'
    AND is_open(b.status, b.deleted_at, b.is_template) AND b.project_id <> ALL ($3::text[])) AS hidden
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS of (project_id, task_id, place) ORDER BY of.place`,
};

/** Of each task, whether one that the asker does not see keeps it waiting. */
export async function blockedByHidden(db: Db, tasks: readonly TaskKey[], { projectIds }: Sight): Promise<boolean[]> {
  if (projectIds === null) return tasks.map(() => false);
  const rows = await db.read<{ hidden: boolean }>(HIDDEN, [...keyColumns(tasks), projectIds]);
  return rows.map(({ hidden }) => hidden);
}

/** A task that another has to do with, without waiting for it. */
export interface Relation {
  readonly task: Task;
  readonly kind: DependencyKind;
  /** Whether it is the task asked about that names the other. */
  readonly outgoing: boolean;
}

export interface RelationsQuery extends PageArgs, Sight {
  readonly orderBy?: DependencyOrder | null | undefined;
  readonly long?: readonly LongField[] | undefined;
}

const orderOf = ordersOf(
  "relations",
  { sql: "r.outgoing::int", type: "integer" },
  {
    task: [
      { sql: "r.project_id", type: "text" },
      { sql: "r.task_id", type: "text" },
      { sql: "r.kind", type: "text" },
    ],
  },
);

/**
 * Of each task a page of those that it has to do with, in both directions: a task comes once for each kind and direction.
 * @throws BAD_USER_INPUT for a bad page.
 */
export async function listRelations(
  db: Db,
  tasks: readonly TaskKey[],
  { projectIds, long, orderBy, ...page }: RelationsQuery,
): Promise<Page<Relation>[]> {
  const { values, bind } = parameters();
  const of = keyTable(tasks, bind);
  const visible = bind(projectIds);
  const { key, condition, sort, limit, toPage } = pageQuery(page, orderOf(orderBy ?? BY_TASK), bind);
  const rows = await db.read<Task & Keyed & { place: number; kindOfRelation: DependencyKind; outgoing: boolean }>(
    `SELECT of.place::int AS place, r.kind AS "kindOfRelation", r.outgoing, ${TASK.select(long)}, ${key} AS "cursorKey"
     FROM ${of} WITH ORDINALITY AS of (project_id, task_id, place) CROSS JOIN LATERAL (
       SELECT r.* FROM (
         SELECT d.depends_on_project_id AS project_id, d.depends_on_task_id AS task_id, d.kind, true AS outgoing
         FROM task_dependencies d WHERE d.project_id = of.project_id AND d.task_id = of.task_id AND d.kind <> 'blocks'
         UNION ALL SELECT d.project_id, d.task_id, d.kind, false FROM task_dependencies d
         WHERE d.depends_on_project_id = of.project_id AND d.depends_on_task_id = of.task_id AND d.kind <> 'blocks'
       ) r JOIN tasks o ON o.project_id = r.project_id AND o.task_id = r.task_id AND o.deleted_at IS NULL
       WHERE (${visible}::text[] IS NULL OR r.project_id = ANY (${visible})) AND ${condition} ${sort} ${limit}
     ) r JOIN tasks t ON t.project_id = r.project_id AND t.task_id = r.task_id ${sort}`,
    values,
  );
  const found = Map.groupBy(rows, ({ place }) => place - 1);
  return tasks.map((_task, i) => {
    const { edges, ...rest } = toPage(found.get(i) ?? []);
    return {
      ...rest,
      edges: edges.map((edge) => ({
        get cursor() {
          return edge.cursor;
        },
        node: { task: edge.node, kind: edge.node.kindOfRelation, outgoing: edge.node.outgoing },
      })),
    };
  });
}

const COUNT = {
  name: "tasks-related-count",
  text: `SELECT (SELECT count(*) FROM (
    SELECT d.depends_on_project_id AS project_id, d.depends_on_task_id AS task_id FROM task_dependencies d
    WHERE d.project_id = of.project_id AND d.task_id = of.task_id AND d.kind <> 'blocks'
    UNION ALL SELECT d.project_id, d.task_id FROM task_dependencies d
    WHERE d.depends_on_project_id = of.project_id AND d.depends_on_task_id = of.task_id AND d.kind <> 'blocks'
  ) r JOIN tasks o USING (project_id, task_id)
  WHERE o.deleted_at IS NULL AND ($3::text[] IS NULL OR o.project_id = ANY ($3)))::int AS count
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS of (project_id, task_id, place) ORDER BY of.place`,
};

/** How many entries all pages of `listRelations` have, of each task. */
export async function countRelations(db: Db, tasks: readonly TaskKey[], { projectIds }: Sight): Promise<number[]> {
  const rows = await db.read<{ count: number }>(COUNT, [...keyColumns(tasks), projectIds]);
  return rows.map(({ count }) => count);
}
