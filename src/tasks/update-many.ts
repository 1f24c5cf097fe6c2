import { nothing, verb } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { requireProjects } from "../access/visibility.ts";
import { parameters } from "../db/parameters.ts";
import { badInput } from "../errors.ts";
import { changeMany } from "./change-many.ts";
import { endAttempts, MOST_TASKS, requireChangeable } from "./changeable.ts";
import { requireFutureDueDates } from "./field-faults.ts";
import { asksForTemplates, projectsOf, type TaskFilter } from "./filter.ts";
import { listed } from "./list.ts";
import { lockTasks } from "./lock.ts";
import { lockAllSettling } from "./lock-settling.ts";
import { type SetOfTasks, wayOf } from "./set-of-tasks.ts";
import type { TaskKey } from "./task.ts";

export interface UpdateTasks {
  /** Which, as of a list: deleted ones are left out, archived ones unless it asks for them. */
  readonly filter: TaskFilter;
  readonly set: SetOfTasks;
  /** Answer the same, and change nothing. */
  readonly dryRun?: boolean | null | undefined;
}

export interface UpdatedTasks {
  readonly dryRun: boolean;
  /** How many tasks the filter found. */
  readonly matched: number;
  /** Those of them that are other than before, or would be. */
  readonly tasks: readonly TaskKey[];
}

/**
 * Changes many tasks at once, all or none, each as the verb of one task does, with its event; what is so already stays as it
 * is. Of what is judged by a verb of one task, nothing is let through here.
 * @throws PROJECT_NOT_FOUND; BAD_USER_INPUT for an empty filter, for too many tasks, and naming tasks that refuse it.
 */
export const updateTasks = verb(
  { name: "updateTasks", role: "agent", effect: "ends", scope: "projects", idempotent: true, on: nothing },
  async (ctx, { filter, set, dryRun: asked }: UpdateTasks): Promise<UpdatedTasks> => {
    const dryRun = asked === true;
    const way = wayOf(set);
    await requireProjects(ctx, projectsOf(filter));
    if (!filter.projects?.length)
      throw badInput("The filter must name the projects whose tasks are changed, in its own projects.");
    if (set.dueDate === null && asksForTemplates(filter))
      throw badInput("Recurrence requires a due date: leave templates out of the filter.");
    const found = await find(ctx, filter);
    if (!dryRun) await (way.done === "deleted" ? lockAllSettling : lockTasks)(ctx.db, found);
    const { tasks, overrides } = await requireChangeable(ctx, way, filter, found);
    const changed = await changeMany(ctx, tasks, way.change, dryRun ? null : overrides);
    if (way.dueDate && changed.some(({ dueDateMoved }) => dueDateMoved))
      await requireFutureDueDates(ctx, [way.dueDate]);
    if (way.done === "deleted" && !dryRun) await endAttempts(ctx, changed, overrides);
    return {
      dryRun,
      matched: tasks.length,
      tasks: changed.map(({ projectId, taskId }) => ({ projectId, taskId })),
    };
  },
  (result) => (result.dryRun ? null : result),
);

async function find({ db, viewer }: Context, filter: TaskFilter): Promise<TaskKey[]> {
  const { values, bind } = parameters();
  const rows = await db.read<TaskKey & { readonly count: number }>(
    `SELECT t.project_id AS "projectId", t.task_id AS "taskId", count(*) OVER ()::int AS count FROM tasks t
     WHERE ${listed(viewer, filter, bind)} ORDER BY t.project_id, t.task_id LIMIT ${MOST_TASKS}`,
    values,
  );
  const count = rows[0]?.count ?? 0;
  if (count > MOST_TASKS)
    throw badInput(
      `The filter finds ${count} tasks, and one call changes ${MOST_TASKS} at most. Narrow it, by priority, labels or createdAt for example, and call several times.`,
      { count },
    );
  return rows;
}
