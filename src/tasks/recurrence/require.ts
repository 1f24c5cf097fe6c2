import type { Context } from "../../access/viewer.ts";
import { badInput } from "../../errors.ts";
import type { TaskKey } from "../task.ts";
import { RECURRENCE_FIELDS, type Recurring, recurrenceFaults } from "./faults.ts";

interface Kept extends Recurring {
  readonly parentRecurringTaskId: string | null;
}

const KEPT = {
  name: "task-recurrence",
  text: `SELECT t.recurrence_pattern AS "recurrencePattern", t.recurrence_time_zone AS "recurrenceTimeZone",
  t.recurrence_end_date AS "recurrenceEndDate", t.catch_up AS "catchUp", t.due_date AS "dueDate",
  t.parent_recurring_task_id AS "parentRecurringTaskId"
FROM tasks t WHERE t.project_id = $1 AND t.task_id = $2`,
};

/** What a locked task says of when it recurs. @throws BAD_USER_INPUT where it does not recur */
export async function keptRecurrence({ db }: Context, { projectId, taskId }: TaskKey): Promise<Kept> {
  const [kept] = await db.read<Kept>(KEPT, [projectId, taskId]);
  if (kept?.recurrencePattern != null) return kept;
  const template = kept?.parentRecurringTaskId ?? null;
  throw badInput(
    template === null
      ? `${taskId} does not recur. Add a recurring task with addTasks and a recurrencePattern.`
      : `${taskId} is one instance: this one alone is changed by its own fields. Its template is ${template}: name that for this and all future ones.`,
    template === null ? {} : { template },
  );
}

/**
 * That a locked task still recurs after an update, if it does; what is emptied takes its default. A task that does not recur
 * does not begin to: it may be at work.
 * @throws BAD_USER_INPUT
 */
export async function requireRecurrence(ctx: Context, task: TaskKey, said: Recurring): Promise<void> {
  const given = RECURRENCE_FIELDS.filter((field) => said[field] !== undefined);
  if (given.length === 0 && said.dueDate === undefined) return;
  const kept = await keptRecurrence(ctx, task).catch((error: unknown) => {
    if (given.some((field) => said[field] !== null)) throw error;
    return null;
  });
  if (!kept) return;
  if (said.recurrencePattern === null)
    throw badInput(
      `recurrencePattern: ${task.taskId} stays a recurring task. pauseRecurrence stops it until resumeRecurrence, a recurrenceEndDate or deleteTask for good; its instances stay.`,
    );
  if (said.recurrenceTimeZone === null) said.recurrenceTimeZone = "UTC";
  if (said.catchUp === null) said.catchUp = "one";
  const faults = recurrenceFaults({ ...kept, ...said });
  if (faults.length > 0) throw badInput(faults.join("; "), { faults });
}
