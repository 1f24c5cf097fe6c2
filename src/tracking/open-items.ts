import type { Context } from "../access/viewer.ts";
import { visibleProjects } from "../access/visibility.ts";
import { TITLE } from "../tasks/fields.ts";
import { onLists } from "../tasks/on-lists.ts";
import type { TaskKey, TaskKind, TaskStatus } from "../tasks/task.ts";

/** A task that is open, where it stands in the tree of all that are. */
export interface OpenItem extends TaskKey {
  /** How many open tasks lie above it. */
  readonly level: number;
  readonly title: string;
  readonly kind: TaskKind;
  readonly status: TaskStatus;
  readonly claimedBy: string | null;
  readonly isParked: boolean;
  /** The first open tasks that it waits for, null for one that the viewer does not see. */
  readonly blockers: readonly (TaskKey | null)[];
  readonly blockerCount: number;
}

interface Row extends Omit<OpenItem, "level"> {
  readonly parentTaskId: string | null;
}

/** So many of those that one task waits for are named. */
export const MOST_BLOCKERS = 5;

/** Parents come before their children, so that a tree is cut off from below. */
const OPEN = {
  name: "report-open-items",
  text: `SELECT page.*, CASE WHEN page."blockerCount" = 0 THEN '[]' ELSE (
    SELECT jsonb_agg(CASE WHEN b.seen THEN jsonb_build_object('projectId', b.project_id, 'taskId', b.task_id) END
      ORDER BY b.project_id <> page."projectId", b.seen DESC, b.project_id, b.task_id) FROM (
      SELECT b.project_id, b.task_id, $3::text[] IS NULL OR b.project_id = ANY ($3) AS seen
      FROM task_dependencies d JOIN tasks b ON b.project_id = d.depends_on_project_id AND b.task_id = d.depends_on_task_id
      WHERE d.project_id = page."projectId" AND d.task_id = page."taskId" AND d.kind = 'blocks'
        AND is_open(b.status, b.deleted_at, b.is_template)
      ORDER BY b.project_id <> page."projectId", seen DESC, b.project_id, b.task_id LIMIT ${MOST_BLOCKERS}) b
  ) END AS blockers
FROM unnest($1::text[]) AS of (project_id) CROSS JOIN LATERAL (
  SELECT t.project_id AS "projectId", t.task_id AS "taskId", ${TITLE} AS title, t.kind,
    t.status, t.claimed_by AS "claimedBy", t.parked_at IS NOT NULL AS "isParked", t.parent_task_id AS "parentTaskId",
    t.open_blockers AS "blockerCount"
  FROM tasks t WHERE t.project_id = of.project_id AND t.status IN ('pending', 'in_progress') AND ${onLists()}
  ORDER BY t.depth, t.priority, t.queue_position LIMIT $2) page`,
};

/** The open tasks of each project as a tree: each before its children, these as claims take them. */
export async function openItems(
  { db, viewer }: Context,
  projectIds: readonly string[],
  mostOfEach: number,
): Promise<Map<string, OpenItem[]>> {
  const rows = await db.read<Row>(OPEN, [projectIds, mostOfEach, visibleProjects(viewer)]);
  const byProject = Map.groupBy(rows, ({ projectId }) => projectId);
  return new Map([...byProject].map(([projectId, items]) => [projectId, asTree(items)]));
}

/** A task whose parent is not among them begins a tree of its own. */
function asTree(rows: readonly Row[]): OpenItem[] {
  const there = new Set(rows.map(({ taskId }) => taskId));
  const parentOf = ({ parentTaskId }: Row) => (parentTaskId !== null && there.has(parentTaskId) ? parentTaskId : null);
  const children = Map.groupBy(rows, parentOf);
  const below = (parent: string | null, level: number): OpenItem[] =>
    (children.get(parent) ?? []).flatMap(({ parentTaskId: _, ...item }) => [
      { ...item, level },
      ...below(item.taskId, level + 1),
    ]);
  return below(null, 0);
}
