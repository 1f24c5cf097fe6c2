import type { Looking } from "../../access/visibility.ts";
import { requireProjects } from "../../access/visibility.ts";
import { databaseNow } from "../../db/now.ts";
import { pageSize } from "../../db/page.ts";
import { badInput, taskNotFound } from "../../errors.ts";
import { DAY_MS, parseIsoDate } from "../../schedule/recurrence/calendar.ts";
import { wallTimeOf } from "../../schedule/recurrence/instant.ts";
import { occurrencesFrom } from "../../schedule/recurrence/recurrence.ts";
import type { TaskKey } from "../task.ts";
import { madeOf } from "./made.ts";
import { findTemplates, readableRecurrence } from "./template.ts";

interface UpcomingOccurrences extends TaskKey {
  readonly first?: number | null | undefined;
  /** The last date seen. */
  readonly after?: Date | null | undefined;
}

/** One of the dates on which a task recurs. */
export interface UpcomingOccurrence {
  readonly date: Date;
  readonly dueDate: Date;
  /** Its instance; null: it is still to be made. */
  readonly instance: TaskKey | null;
}

const MADE = {
  name: "occurrences-made",
  text: `SELECT i.task_id AS "taskId", i.occurrence_date::text AS date,
  (extract(epoch FROM coalesce(i.occurs_at, i.due_date)) * 1000)::float8 AS "occursAt", i.deleted_at IS NOT NULL AS deleted
FROM tasks i WHERE i.project_id = $1 AND i.parent_recurring_task_id = $2
  AND i.occurrence_date >= (docket_now() - interval '2 days')::date`,
};

interface InstanceRow {
  readonly taskId: string;
  readonly date: string;
  readonly occursAt: number | null;
  readonly deleted: boolean;
}

const IS_TASK = {
  name: "task-is-there",
  text: "SELECT FROM tasks WHERE project_id = $1 AND task_id = $2 AND deleted_at IS NULL",
};

/**
 * The next dates of a recurring task that are due from now on, without those that are skipped or whose instance was deleted;
 * of one that is paused those alone that have an instance.
 * @throws PROJECT_NOT_FOUND, TASK_NOT_FOUND; BAD_USER_INPUT for a task that does not recur.
 */
export async function upcomingOccurrences(
  ctx: Looking,
  { projectId, taskId: given, first, after }: UpcomingOccurrences,
): Promise<UpcomingOccurrence[]> {
  const size = pageSize(first);
  await requireProjects(ctx, [projectId]);
  const key = { projectId, taskId: given.toUpperCase() };
  const [template] = await findTemplates(ctx.db, [key]);
  if (!template) {
    const [task] = await ctx.db.read(IS_TASK, [key.projectId, key.taskId]);
    if (!task) throw taskNotFound(key.taskId, projectId);
    throw badInput(`${key.taskId} does not recur: name the template, as its parentRecurringTaskId says.`);
  }
  const now = await databaseNow(ctx.db);
  const rows = await ctx.db.read<InstanceRow>(MADE, [key.projectId, key.taskId]);
  const settled = readableRecurrence(template);
  const instances = rows.map(({ date, ...row }) => ({ ...row, day: parseIsoDate(date) ?? 0 }));
  const made = madeOf(settled, instances);
  const deleted = new Set(instances.filter((row) => row.deleted).map((row) => row.taskId));
  // Nothing more is made while it is paused.
  const last = made.lastBefore(Number.POSITIVE_INFINITY) ?? 0;
  const recurrence = template.paused ? { ...settled, until: Math.min(settled.until, last) } : settled;
  const today = wallTimeOf(recurrence.zone, now).day;
  return occurrencesFrom(recurrence, Math.max(today - 1, after ? after.getTime() / DAY_MS + 1 : 0))
    .filter((one) => {
      const instance = made.find(one);
      if (one.dueDate <= now) return false;
      return instance ? !deleted.has(instance.taskId) : !template.paused && !template.skipped.includes(one.day);
    })
    .take(size)
    .map((one) => {
      const instance = made.find(one);
      return {
        date: new Date(one.day * DAY_MS),
        dueDate: one.dueDate,
        instance: instance ? { projectId: key.projectId, taskId: instance.taskId } : null,
      };
    })
    .toArray();
}
