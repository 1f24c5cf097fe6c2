import type { Context } from "../../access/viewer.ts";
import { badInput, circularParent } from "../../errors.ts";
import { refuseCircle } from "../dependencies/graph.ts";
import { belowTemplate } from "../dependencies/template.ts";
import { lockTasks } from "../lock.ts";
import type { TaskKey } from "../task.ts";
import { DEEPEST, tooDeep } from "./parents.ts";

const FIND = {
  name: "task-move-find",
  text: `WITH RECURSIVE below (task_id, depth) AS (
  SELECT t.task_id, t.depth FROM tasks t WHERE t.project_id = $1 AND t.task_id = $2
  UNION ALL SELECT c.task_id, c.depth FROM below b JOIN tasks c ON c.project_id = $1 AND c.parent_task_id = b.task_id
)
SELECT array_agg(b.task_id) AS below, (max(b.depth) - min(b.depth))::int AS height,
  (SELECT t.parent_task_id FROM tasks t WHERE t.project_id = $1 AND t.task_id = $2) AS parent,
  p.depth, coalesce(p.is_template, false) AS "isTemplate"
FROM below b LEFT JOIN tasks p ON p.project_id = $1 AND p.task_id = $3 AND p.deleted_at IS NULL AND p.archived_at IS NULL
GROUP BY p.depth, p.is_template`,
};

interface Found {
  /** The task and all that lies below it. */
  readonly below: readonly string[];
  /** How many levels lie below it. */
  readonly height: number;
  readonly parent: string | null;
  /** Of the new parent; null: it is not there. */
  readonly depth: number | null;
  /** Whether that is the template of a recurring task. */
  readonly isTemplate: boolean;
}

/**
 * That a locked task may have another parent; what a trigger then counts and moves is locked. The caller holds the lock of
 * the graph.
 * @throws BAD_USER_INPUT, DEPENDENCY_CYCLE
 */
export async function requireMovable(ctx: Context, task: TaskKey, parentTaskId: string | null): Promise<void> {
  const { projectId, taskId } = task;
  const [found] = await ctx.db.read<Found>(FIND, [projectId, taskId, parentTaskId]);
  if (!found || found.parent === parentTaskId) return;
  const { below, height, parent, depth, isTemplate } = found;
  if (parentTaskId !== null) {
    if (below.includes(parentTaskId)) throw circularParent(parentTaskId);
    if (depth === null) throw badInput(`Parent task ${parentTaskId} not found`);
    if (isTemplate) throw badInput(`${belowTemplate(parentTaskId)}.`);
    const fault = tooDeep(depth);
    if (fault !== null) throw badInput(fault);
    if (depth + 1 + height > DEEPEST)
      throw badInput(
        `Cannot set parent ${parentTaskId}: what lies below ${taskId} would come to depth ${depth + 1 + height}, and the maximum is ${DEEPEST}`,
      );
    await refuseCircle(ctx, { projectId, taskId: parentTaskId }, task);
  }
  const moved = [...below, parent, parentTaskId].filter((id) => id !== null);
  await lockTasks(
    ctx.db,
    moved.map((id) => ({ projectId, taskId: id })),
  );
}
