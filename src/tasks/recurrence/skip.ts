import { databaseNow } from "../../db/now.ts";
import { badInput } from "../../errors.ts";
import { append } from "../../log/write/append.ts";
import { DAY_MS, isoDate } from "../../schedule/recurrence/calendar.ts";
import { wallTimeOf } from "../../schedule/recurrence/instant.ts";
import { occurrencesFrom } from "../../schedule/recurrence/recurrence.ts";
import { subject } from "../change.ts";
import type { TaskKey } from "../task.ts";
import { taskVerb } from "../task-verb.ts";
import { madeOf } from "./made.ts";
import type { RecurringTask } from "./pause.ts";
import { keptRecurrence } from "./require.ts";
import { findTemplates, readableRecurrence } from "./template.ts";

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

    const recurrence = readableRecurrence(template);
    const occurrence = occurrencesFrom(recurrence, day).next().value;
    if (occurrence?.day !== day)
      throw badInput(
        `date: ${taskId} does not recur on ${isoDate(day)}${occurrence ? `; the next date from there is ${isoDate(occurrence.day)}` : ""}.`,
      );
    const made = madeOf(recurrence, template.made).find(occurrence);
    if (made)
      throw badInput(
        `date: ${isoDate(day)} has its instance already, ${made.taskId}. Delete that one to leave the date out.`,
        { instance: made.taskId },
      );
    if (day < wallTimeOf(recurrence.zone, await databaseNow(ctx.db)).day)
      throw badInput(`date: ${isoDate(day)} is over.`);
    if (template.skipped.length >= MOST_SKIPPED)
      throw badInput(`${taskId} leaves out ${MOST_SKIPPED} dates ahead already. Pause it, or change its pattern.`);
    await ctx.db.write(SKIP, [projectId, taskId, isoDate(day)]);
    await append(ctx, { type: "task.occurrence_skipped", ...subject(key), payload: { date: isoDate(day) } });
    return key;
  },
);
