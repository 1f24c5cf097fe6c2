import type { Context } from "../../access/viewer.ts";
import { canSee } from "../../access/visibility.ts";
import type { Db } from "../../db/database.ts";
import { dependencyCycle } from "../../errors.ts";
import { idOfTask } from "../find.ts";
import type { TaskKey } from "../task.ts";

/** Any number that no other lock of the database has. */
const GRAPH = 7_013_913;

/**
 * The one lock of the graph that dependencies and parents make, of the whole server, before any row's: two edges without a
 * common task can close a circle together, also across projects. Whoever adds an edge or gives a task a parent holds it.
 */
export async function lockGraph(db: Db): Promise<void> {
  await db.write(`SELECT pg_advisory_xact_lock(${GRAPH})`);
}

const CLOSES = { name: "graph-closes-circle", text: "SELECT closes_circle($1, $2, $3, $4) AS closes" };

/**
 * That a task may wait for another: no chain of dependencies and children leads from that one back. The caller holds the
 * lock of the graph.
 * @throws DEPENDENCY_CYCLE naming the circle; a task that the caller does not see reads "a task of another project".
 */
export async function refuseCircle(ctx: Context, task: TaskKey, blocker: TaskKey): Promise<void> {
  if (!(await closesCircle(ctx.db, task, blocker))) return;
  const path = await shortestPath(ctx.db, blocker, task);
  const circle = [task, ...path].map((one) => (canSee(ctx.viewer, one.projectId) ? one : null));
  throw dependencyCycle(circle, task.projectId);
}

/** Whether `blocker` waits for `task` already, through whatever lies between. */
async function closesCircle(db: Db, task: TaskKey, blocker: TaskKey): Promise<boolean> {
  const [found] = await db.read<{ closes: boolean }>(CLOSES, [
    task.projectId,
    task.taskId,
    blocker.projectId,
    blocker.taskId,
  ]);
  return found?.closes === true;
}

/** Every step that leads on from a task, by what it waits for. */
const STEPS = {
  name: "graph-steps",
  text: `WITH RECURSIVE waits (project_id, task_id) AS (
  SELECT $1::varchar, $2::varchar
  UNION SELECT n.project_id, n.task_id FROM waits w CROSS JOIN LATERAL (
    SELECT d.depends_on_project_id AS project_id, d.depends_on_task_id AS task_id FROM task_dependencies d
    WHERE d.project_id = w.project_id AND d.task_id = w.task_id AND d.kind = 'blocks'
    UNION ALL SELECT c.project_id, c.task_id FROM tasks c
    WHERE c.project_id = w.project_id AND c.parent_task_id = w.task_id) n
)
SELECT d.project_id, d.task_id, d.depends_on_project_id AS "projectId", d.depends_on_task_id AS "taskId"
FROM waits JOIN task_dependencies d USING (project_id, task_id) WHERE d.kind = 'blocks'
UNION ALL SELECT c.project_id, c.parent_task_id, c.project_id, c.task_id
FROM waits w JOIN tasks c ON c.project_id = w.project_id AND c.parent_task_id = w.task_id`,
};

/** The tasks on the shortest way from one to another, both included; only where one is refused for it. */
async function shortestPath(db: Db, from: TaskKey, to: TaskKey): Promise<TaskKey[]> {
  const rows = await db.read<TaskKey & { project_id: string; task_id: string }>(STEPS, [from.projectId, from.taskId]);
  const steps = Map.groupBy(rows, ({ project_id, task_id }) => `${project_id}/${task_id}`);
  const before = new Map<string, TaskKey | null>([[idOfTask(from), null]]);
  for (const [queue, goal] = [[from], idOfTask(to)]; !before.has(goal); ) {
    const here = queue.shift();
    if (!here) return [from, to];
    for (const { projectId, taskId } of steps.get(idOfTask(here)) ?? []) {
      const next = { projectId, taskId };
      if (before.has(idOfTask(next))) continue;
      before.set(idOfTask(next), here);
      queue.push(next);
    }
  }
  const path: TaskKey[] = [];
  for (let at: TaskKey | null | undefined = to; at; at = before.get(idOfTask(at))) path.unshift(at);
  return path;
}
