import type { Context } from "../../access/viewer.ts";
import { badInput } from "../../errors.ts";
import { append } from "../../log/write/append.ts";
import { DAY_MS, type Day, isoDate } from "../../schedule/recurrence/calendar.ts";
import { wallTimeOf } from "../../schedule/recurrence/instant.ts";
import { occurrencesFrom } from "../../schedule/recurrence/recurrence.ts";
import { subject } from "../change.ts";
import type { TaskKey } from "../task.ts";
import { taskVerb } from "../task-verb.ts";
import type { RecurringTask } from "./pause.ts";
import { keptRecurrence } from "./require.ts";
import { findTemplates, recurrenceOf } from "./template.ts";

export interface SkipOccurrence extends RecurringTask {
  /** A date at midnight UTC. */
  readonly date: Date;
}

/** So many dates ahead may be left out at a time. */
const MOST_SKIPPED = 100;

const SKIP = {
  name: "occurrence-skip",
  text: `UPDATE recurrences SET skipped = skipped || $3::date, next_at = CASE WHEN next_at > docket_now() THEN docket_now() ELSE next_at END
WHERE project_id = $1 AND task_id = $2`,
};

const INSTANCE = {
  name: "occurrence-instance",
  text: `SELECT (SELECT i.task_id FROM tasks i
  WHERE i.project_id = $1 AND i.parent_recurring_task_id = $2 AND i.occurrence_date = $3) AS "taskId", docket_now() AS now`,
};

/**
 * Leaves out one date of a recurring task. A date that is left out already stays so.
 * @throws TASK_NOT_FOUND, PROJECT_NOT_FOUND, VERSION_CONFLICT, FORBIDDEN; BAD_USER_INPUT for a task that does not recur, a date on
 *   which it does not, or that is over, and naming the instance that a date has already.
 */
export const skipOccurrence = taskVerb(
  { name: "skipOccurrence", role: "agent", effect: "changes", idempotent: true, held: "fence", templates: true },
  async (ctx, { date }: SkipOccurrence, { projectId, taskId }): Promise<TaskKey> => {
    const key = { projectId, taskId };
    await keptRecurrence(ctx, key);
    const [template] = await findTemplates(ctx.db, [key]);
    const day = date.getTime() / DAY_MS;
    if (!template || template.skipped.includes(day)) return key;

    const recurrence = recurrenceOf(template);
    const occurs = occurrencesFrom(recurrence, day).next().value?.day;
    if (occurs !== day)
      throw badInput(
        `date: ${taskId} does not recur on ${isoDate(day)}${occurs === undefined ? "" : `; the next date from there is ${isoDate(occurs)}`}.`,
      );
    await refuseMade(ctx, key, day, recurrence.zone);
    if (template.skipped.length >= MOST_SKIPPED)
      throw badInput(`${taskId} leaves out ${MOST_SKIPPED} dates ahead already. Pause it, or change its pattern.`);
    await ctx.db.write(SKIP, [projectId, taskId, isoDate(day)]);
    await append(ctx, { type: "task.occurrence_skipped", ...subject(key), payload: { date: isoDate(day) } });
    return key;
  },
);

async function refuseMade({ db }: Context, { projectId, taskId }: TaskKey, day: Day, zone: string): Promise<void> {
  const [found] = await db.read<{ taskId: string | null; now: Date }>(INSTANCE, [projectId, taskId, isoDate(day)]);
  if (found?.taskId != null)
    throw badInput(
      `date: ${isoDate(day)} has its instance already, ${found.taskId}. Delete that one to leave the date out.`,
      { instance: found.taskId },
    );
  if (found && day < wallTimeOf(zone, found.now).day) throw badInput(`date: ${isoDate(day)} is over.`);
}
