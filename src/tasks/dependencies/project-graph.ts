import { type Looking, requireProjects, visibleProjects } from "../../access/visibility.ts";
import { type LongField, TASK, type Task } from "../fields.ts";
import { keyColumns } from "../keys.ts";
import { onLists } from "../on-lists.ts";
import type { TaskKey } from "../task.ts";
import type { DependencyKind } from "./dependency.ts";

export const MOST_NODES = 1_000;
export const MOST_LINKS = 5_000;

/** How one task has to do with another: a dependency, or a child with its parent. */
export type LinkKind = DependencyKind | "parent";

export interface TaskLink {
  readonly kind: LinkKind;
  readonly from: TaskKey;
  readonly to: TaskKey;
}

export interface ProjectGraph {
  readonly nodes: readonly Task[];
  readonly edges: readonly TaskLink[];
  /** Of the whole graph. */
  readonly nodeCount: number;
  /** Between the nodes that are told. */
  readonly edgeCount: number;
}

export interface GraphQuery {
  readonly projectId: string;
  /** Completed tasks, too. */
  readonly completed: boolean;
  readonly long?: readonly LongField[];
}

/** SQL: whether the task is in a graph: $2 also asks for completed ones. */
const shown = (task: string) => `${onLists(task)} AND ($2 OR ${task}.status <> 'completed')`;

/** The tasks of project $1, and those of others among the projects $3 that they have to do with. */
const NODES = TASK.statement(
  "project-graph-nodes",
  (columns) => `WITH own AS MATERIALIZED (
  SELECT t.project_id, t.task_id FROM tasks t WHERE t.project_id = $1 AND ${shown("t")}
), near AS (
  SELECT d.depends_on_project_id AS project_id, d.depends_on_task_id AS task_id
  FROM own o JOIN task_dependencies d USING (project_id, task_id) WHERE d.depends_on_project_id <> $1
  ${["= 'blocks'", "<> 'blocks'"]
    .map(
      (kind) => `UNION SELECT d.project_id, d.task_id FROM own o JOIN task_dependencies d
    ON d.depends_on_project_id = o.project_id AND d.depends_on_task_id = o.task_id AND d.kind ${kind}
  WHERE d.project_id <> $1`,
    )
    .join("\n  ")}
), found AS (
  SELECT t.project_id, t.task_id, t.priority, t.queue_position, count(*) OVER ()::int AS count FROM (
    SELECT * FROM own
    UNION ALL SELECT n.project_id, n.task_id FROM near n JOIN tasks f USING (project_id, task_id)
    WHERE ($3::text[] IS NULL OR f.project_id = ANY ($3)) AND ${shown("f")}
  ) n JOIN tasks t USING (project_id, task_id)
  ORDER BY t.project_id <> $1, t.project_id, t.priority, t.queue_position LIMIT ${MOST_NODES}
)
SELECT f.count, ${columns} FROM found f JOIN tasks t USING (project_id, task_id)
ORDER BY f.project_id <> $1, f.project_id, f.priority, f.queue_position`,
);

/** What some tasks, by their places, have to do with each other; what keeps a task waiting comes first. */
const LINKS = {
  name: "project-graph-links",
  text: `WITH node AS MATERIALIZED (
  SELECT * FROM unnest($1::varchar[], $2::varchar[]) WITH ORDINALITY AS n (project_id, task_id, place)
)
SELECT l.kind, l."from"::int - 1 AS "from", l."to"::int - 1 AS "to", count(*) OVER ()::int AS count FROM (
  SELECT d.kind, a.place AS "from", b.place AS "to" FROM node a
    JOIN task_dependencies d ON d.project_id = a.project_id AND d.task_id = a.task_id
    JOIN node b ON b.project_id = d.depends_on_project_id AND b.task_id = d.depends_on_task_id
  UNION ALL SELECT 'parent', c.place, p.place FROM node c JOIN tasks t USING (project_id, task_id)
    JOIN node p ON p.project_id = t.project_id AND p.task_id = t.parent_task_id
) l ORDER BY l.kind NOT IN ('blocks', 'parent'), l."from", l."to", l.kind LIMIT ${MOST_LINKS}`,
};

/**
 * The tasks of a project with what they have to do with each other, and with visible tasks of other projects: as many as one
 * answer may hold, its own first, as claims take them.
 * @throws PROJECT_NOT_FOUND
 */
export async function projectGraph(ctx: Looking, { projectId, completed, long }: GraphQuery): Promise<ProjectGraph> {
  await requireProjects(ctx, [projectId]);
  const nodes = await ctx.db.read<Task & { readonly count: number }>(NODES(long), [
    projectId,
    completed,
    visibleProjects(ctx.viewer),
  ]);
  const links = await ctx.db.read<{ kind: LinkKind; from: number; to: number; count: number }>(
    LINKS,
    keyColumns(nodes),
  );
  return {
    nodes,
    edges: links.flatMap(({ kind, from, to }) => {
      const [one, other] = [nodes[from], nodes[to]];
      return one && other ? [{ kind, from: one, to: other }] : [];
    }),
    nodeCount: nodes[0]?.count ?? 0,
    edgeCount: links[0]?.count ?? 0,
  };
}
