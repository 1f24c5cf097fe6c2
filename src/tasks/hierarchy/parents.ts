import type { Context } from "../../access/viewer.ts";
import { badInput } from "../../errors.ts";
import type { NewTask } from "../batch.ts";
import { idOfTask } from "../find.ts";
import type { TaskKey } from "../task.ts";

/** The level of the deepest task; one without a parent is on level 0. */
export const DEEPEST = 5;

const LOCK = {
  name: "tasks-lock-parents",
  text: `SELECT t.project_id AS "projectId", t.task_id AS "taskId", t.depth FROM tasks t
WHERE (t.project_id, t.task_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
  AND t.deleted_at IS NULL AND t.archived_at IS NULL
ORDER BY t.project_id, t.task_id FOR NO KEY UPDATE`,
};

/**
 * That the parents of new tasks are there and not too deep; they are locked, as a trigger counts their children. The lock of
 * the graph is not needed: what is new waits for nothing yet, and so closes no circle.
 * @throws BAD_USER_INPUT naming each item whose parent is none.
 */
export async function requireParents({ db }: Context, batch: readonly NewTask[]): Promise<void> {
  const children = batch.flatMap(({ index, projectId, parentTaskId }) =>
    parentTaskId === null ? [] : [{ index, projectId, taskId: parentTaskId }],
  );
  if (children.length === 0) return;
  const parents = [...new Map(children.map((parent) => [idOfTask(parent), parent])).values()];
  const rows = await db.write<TaskKey & { depth: number }>(LOCK, [
    parents.map(({ projectId }) => projectId),
    parents.map(({ taskId }) => taskId),
  ]);
  const depths = new Map(rows.map((row) => [idOfTask(row), row.depth]));
  const faults = children.flatMap((parent) => {
    const depth = depths.get(idOfTask(parent));
    const fault = depth === undefined ? `Parent task ${parent.taskId} not found` : tooDeep(depth);
    return fault === null ? [] : [batch.length === 1 ? fault : `tasks[${parent.index}]: ${fault}`];
  });
  if (faults.length > 0) throw badInput(faults.join("; "), { faults });
}

/** What is wrong with a child of a task on this level, if anything. */
export const tooDeep = (depth: number): string | null =>
  depth < DEEPEST ? null : `Cannot create child: parent depth ${depth} is at maximum (${DEEPEST})`;
