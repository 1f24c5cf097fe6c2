import * as z from "zod";
import type { Context } from "../access/viewer.ts";
import { durationFault, durationSeconds } from "../db/duration.ts";
import { badInput } from "../errors.ts";
import type { TaskKey } from "./task.ts";

/** So many reminders has a task at most. */
export const MOST_REMINDERS = 10;

export const NEEDS_DUE_DATE = "Reminder offset requires a due date";

/** What fits as a reminder: how long before the due date. */
export const reminderOffsets = z
  .array(
    z.string().superRefine((given, ctx) => {
      const fault = durationFault(given);
      if (fault !== undefined) ctx.addIssue(fault);
    }),
  )
  .max(MOST_REMINDERS);

/** How a caller gives the reminders of a task. */
export interface RemindersGiven {
  /** All of them; null or none takes them away. */
  readonly reminders?: readonly { readonly offset: string }[] | null | undefined;
  /** The one that there is to be, instead. */
  readonly reminderOffset?: string | null | undefined;
}

/** The offsets that were given; undefined where nothing was said of them. */
export function givenOffsets(
  { reminders, reminderOffset }: RemindersGiven,
  fault: (text: string) => void,
): readonly string[] | undefined {
  if (reminders != null && reminderOffset != null) fault("give either reminders or reminderOffset");
  if (reminders === undefined && reminderOffset === undefined) return undefined;
  const offsets = reminders?.map(({ offset }) => offset) ?? (reminderOffset == null ? [] : [reminderOffset]);
  if (offsets.length > MOST_REMINDERS) {
    fault(`reminders: must have at most ${MOST_REMINDERS} entries`);
    return [];
  }
  const placeOf = (i: number) => (reminders == null ? "reminderOffset" : `reminders[${i}].offset`);
  const faults = offsets.flatMap((offset, i) => {
    const wrong = durationFault(offset);
    if (wrong !== undefined) return [`${placeOf(i)}: ${wrong}`];
    const twin = offsets.findIndex((other) => durationSeconds(other) === durationSeconds(offset));
    return twin < i ? [`${placeOf(i)}: it reminds at the same time as ${placeOf(twin)}`] : [];
  });
  for (const text of faults) fault(text);
  return faults.length > 0 ? [] : offsets;
}

const KEPT = {
  name: "task-reminders-kept",
  text: `SELECT t.due_date AS "dueDate", t.reminder_offsets AS "reminderOffsets" FROM tasks t WHERE t.project_id = $1 AND t.task_id = $2`,
};

/** What says when a task reminds of itself. */
interface Reminding {
  readonly dueDate?: Date | null;
  readonly reminderOffsets?: readonly string[];
}

/** That a locked task has a due date once these are its own, if it reminds of one. @throws BAD_USER_INPUT */
export async function requireDueDate({ db }: Context, { projectId, taskId }: TaskKey, given: Reminding): Promise<void> {
  const [kept] = await db.read<Required<Reminding>>(KEPT, [projectId, taskId]);
  const { dueDate, reminderOffsets: offsets } = { ...kept, ...given };
  if (dueDate === null && offsets && offsets.length > 0)
    throw badInput(`${NEEDS_DUE_DATE}: give dueDate, or take the reminders away with reminderOffset: null.`);
}
