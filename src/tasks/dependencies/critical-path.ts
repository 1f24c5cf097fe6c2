import { type Looking, requireProjects, visibleProjects } from "../../access/visibility.ts";
import { tooManyOpen } from "../../errors.ts";
import { idOfTask } from "../find.ts";
import type { TaskKey } from "../task.ts";
import { circleFrom } from "./circle.ts";
import { dependencyCycle } from "./cycle-error.ts";

/** So many open tasks are looked at. */
export const MOST_OPEN = 20_000;
/** So many tasks of the path are told. */
export const MOST_ON_PATH = 1_000;

export interface CriticalPath {
  /** In the order in which they can be done; of a longer path the first ones. */
  readonly tasks: readonly TaskKey[];
  /** How many tasks the whole path has. */
  readonly count: number;
  readonly totalHours: number;
}

interface OpenTask extends TaskKey {
  readonly parentTaskId: string | null;
  readonly hours: number;
  /** Whatever blocks it, by name: settled ones and those that are not seen, too. */
  readonly blockers: readonly string[];
}

/**
 * The open tasks of project $1 and, among the projects $2, those of others that they wait for, through whatever lies
 * between. What waits for what is looked up task by task, by index, whatever the planner expects. It is planned each time:
 * a plan from when there was little work reads all of it for each task.
 */
const OPEN_TASKS = `WITH RECURSIVE work (project_id, task_id) AS (
  SELECT t.project_id, t.task_id FROM tasks t
  WHERE t.project_id = $1 AND is_open(t.status, t.deleted_at, t.is_template)
  UNION SELECT n.project_id, n.task_id FROM work w CROSS JOIN LATERAL (
    SELECT d.depends_on_project_id AS project_id, d.depends_on_task_id AS task_id FROM task_dependencies d
    WHERE d.project_id = w.project_id AND d.task_id = w.task_id AND d.kind = 'blocks'
    UNION ALL SELECT c.project_id, c.task_id FROM tasks c
    WHERE c.project_id = w.project_id AND c.parent_task_id = w.task_id) n
  CROSS JOIN LATERAL (SELECT FROM tasks t WHERE t.project_id = n.project_id AND t.task_id = n.task_id
    AND is_open(t.status, t.deleted_at, t.is_template) LIMIT 1) open
  WHERE n.project_id <> $1 AND ($2::text[] IS NULL OR n.project_id = ANY ($2))
)
SELECT t.project_id AS "projectId", t.task_id AS "taskId", t.parent_task_id AS "parentTaskId",
  CASE WHEN t.kind = 'task' AND jsonb_typeof(t.metadata -> 'estimated_hours') = 'number'
    THEN (t.metadata ->> 'estimated_hours')::float8 ELSE 1 END AS hours,
  ARRAY(SELECT d.depends_on_project_id || '/' || d.depends_on_task_id FROM task_dependencies d
    WHERE d.project_id = t.project_id AND d.task_id = t.task_id AND d.kind = 'blocks') AS blockers
FROM (SELECT * FROM work LIMIT ${MOST_OPEN + 1}) w JOIN tasks t USING (project_id, task_id)
ORDER BY t.project_id, t.priority, t.queue_position`;

/**
 * The longest chain of open work that a project waits for: each task of it waits for the one before, as for a blocker or as
 * a parent for its child, and the last is of the project. A task counts with its estimate, else as one hour.
 * @throws PROJECT_NOT_FOUND; QUERY_TOO_COMPLEX for too many open tasks.
 */
export async function criticalPath(ctx: Looking, projectId: string): Promise<CriticalPath> {
  await requireProjects(ctx, [projectId]);
  const tasks = await ctx.db.read<OpenTask>(OPEN_TASKS, [projectId, visibleProjects(ctx.viewer)]);
  if (tasks.length > MOST_OPEN) throw tooManyOpen(MOST_OPEN);
  const { before, totals } = longestChains(tasks, projectId);
  let last = -1;
  for (const [place, total] of totals.entries())
    if (tasks[place]?.projectId === projectId && total > (totals[last] ?? -1)) last = place;
  const path: TaskKey[] = [];
  for (let place = last; place >= 0; place = before[place] ?? -1) path.push(...keyAt(tasks, place));
  // What is added up of decimals is not told more exactly than it was said.
  const totalHours = Math.round((totals[last] ?? 0) * 1e6) / 1e6;
  return { tasks: path.reverse().slice(0, MOST_ON_PATH), count: path.length, totalHours };
}

/** Of each task, by its place, the hours of the longest chain that ends with it, and the place of the task before it there. */
function longestChains(tasks: readonly OpenTask[], projectId: string) {
  const { waiting, left } = waitsOf(tasks);
  const totals = tasks.map(({ hours }) => hours);
  const before = tasks.map(() => -1);
  const done = [...left.keys()].filter((place) => left[place] === 0);
  for (const place of done)
    for (const next of waiting[place] ?? []) {
      const total = (totals[place] ?? 0) + (tasks[next]?.hours ?? 0);
      if (total > (totals[next] ?? 0)) {
        totals[next] = total;
        before[next] = place;
      }
      left[next] = (left[next] ?? 0) - 1;
      if (left[next] === 0) done.push(next);
    }
  if (done.length < tasks.length) {
    const circle = circleFrom(waiting.keys(), (place) => waiting[place] ?? []) ?? [];
    const keys = circle.flatMap((place) => keyAt(tasks, place));
    throw dependencyCycle(keys.reverse(), projectId);
  }
  return { before, totals };
}

/** Of each task those that wait for it, and for how many it waits. */
function waitsOf(tasks: readonly OpenTask[]) {
  const places = new Map(tasks.map((task, place) => [idOfTask(task), place]));
  const waiting = tasks.map((): number[] => []);
  const left = tasks.map(() => 0);
  const waits = (task: number, first: number | undefined) => {
    if (first === undefined) return;
    waiting[first]?.push(task);
    left[task] = (left[task] ?? 0) + 1;
  };
  for (const [place, { projectId, parentTaskId, blockers }] of tasks.entries()) {
    for (const blocker of blockers) waits(place, places.get(blocker));
    const parent = parentTaskId === null ? undefined : places.get(idOfTask({ projectId, taskId: parentTaskId }));
    if (parent !== undefined) waits(parent, place);
  }
  return { waiting, left };
}

const keyAt = (tasks: readonly TaskKey[], place: number): TaskKey[] =>
  tasks.slice(place, place + 1).map(({ projectId, taskId }) => ({ projectId, taskId }));
