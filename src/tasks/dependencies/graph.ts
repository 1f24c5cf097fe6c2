import type { Context } from "../../access/viewer.ts";
import { canSee } from "../../access/visibility.ts";
import type { Db } from "../../db/database.ts";
import { idOfTask } from "../find.ts";
import { keyColumns } from "../keys.ts";
import type { TaskKey } from "../task.ts";
import { shortestWay } from "./circle.ts";
import { dependencyCycle } from "./cycle-error.ts";

/** Any number that no other lock of the database has. */
const GRAPH = 7_013_913;

/**
 * The one lock of the graph that dependencies and parents make, of the whole server, before any row's: two edges without a
 * common task can close a circle together, also across projects. Whoever adds an edge or gives a task a parent holds it.
 */
export const LOCK_GRAPH = `SELECT pg_advisory_xact_lock(${GRAPH})`;
export async function lockGraph(db: Db): Promise<void> {
  await db.write(LOCK_GRAPH);
}

/** SQL: whether task $2 of project $1 must not wait for task $4 of project $3. */
export const CLOSES = "closes_circle($1::text, $2::text, $3::text, $4::text)";
const CLOSES_ANY = {
  name: "graph-closes-circles",
  text: "SELECT closes_circle($1::text[], $2::text[], $3::text[], $4::text[]) AS closes",
};

/**
 * That a task may wait for another: no chain of dependencies and children leads from that one back. The caller holds the
 * lock of the graph.
 * @throws DEPENDENCY_CYCLE naming the circle; a task that the caller does not see reads "a task of another project".
 */
export async function refuseCircle(ctx: Context, task: TaskKey, blocker: TaskKey): Promise<void> {
  if (!(await closesCircle(ctx.db, [task], [blocker]))) return;
  const next = await stepsFrom(ctx.db, [blocker]);
  const way = shortestWay(idOfTask(blocker), idOfTask(task), next) ?? [idOfTask(task)];
  const circle = [idOfTask(task), ...way].map((id) => seenTask(ctx, id));
  throw dependencyCycle(circle, task.projectId);
}

/** Whether one of the blockers waits for one of the tasks already, through whatever lies between, or is one of them. */
export async function closesCircle(db: Db, tasks: readonly TaskKey[], blockers: readonly TaskKey[]): Promise<boolean> {
  const ends = [tasks, blockers].flatMap(keyColumns);
  const [found] = await db.read<{ closes: boolean }>(CLOSES_ANY, ends);
  return found?.closes === true;
}

/** Every step that leads on from some tasks, by what they wait for. */
const STEPS = {
  name: "graph-steps",
  text: `WITH RECURSIVE waits (project_id, task_id) AS (
  SELECT * FROM unnest($1::varchar[], $2::varchar[])
  UNION SELECT n.project_id, n.task_id FROM waits w CROSS JOIN LATERAL (
    SELECT d.depends_on_project_id AS project_id, d.depends_on_task_id AS task_id FROM task_dependencies d
    WHERE d.project_id = w.project_id AND d.task_id = w.task_id AND d.kind = 'blocks'
    UNION ALL SELECT c.project_id, c.task_id FROM tasks c
    WHERE c.project_id = w.project_id AND c.parent_task_id = w.task_id) n
)
SELECT d.project_id || '/' || d.task_id AS "from", d.depends_on_project_id || '/' || d.depends_on_task_id AS "to"
FROM waits JOIN task_dependencies d USING (project_id, task_id) WHERE d.kind = 'blocks'
UNION ALL SELECT c.project_id || '/' || c.parent_task_id, c.project_id || '/' || c.task_id
FROM waits w JOIN tasks c ON c.project_id = w.project_id AND c.parent_task_id = w.task_id`,
};

/** What each task waits for, by its name: for those that can be come to from some; only where something is refused. */
export async function stepsFrom(db: Db, from: readonly TaskKey[]): Promise<(id: string) => readonly string[]> {
  const rows = await db.read<{ from: string; to: string }>(STEPS, keyColumns(from));
  const steps = Map.groupBy(rows, ({ from }) => from);
  return (id) => (steps.get(id) ?? []).map(({ to }) => to);
}

/** The task of a name on a circle, null where the caller does not see it. */
export function seenTask({ viewer }: Context, id: string): TaskKey | null {
  const [projectId = "", taskId = ""] = id.split("/");
  return canSee(viewer, projectId) ? { projectId, taskId } : null;
}
