import type { Context } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import { FIRST_RAISED, raisePriorities } from "./raise-priorities.ts";
import { triggerReminders, WAITS } from "./reminders/trigger.ts";

export const REMINDERS_DUE = {
  name: "reminders-due",
  text: `SELECT extract(epoch FROM least(
    (SELECT r.trigger_at FROM reminder_schedule r WHERE ${WAITS} ORDER BY r.trigger_at LIMIT 1), (${FIRST_RAISED})
  ) - (SELECT docket_now()))::float8 * 1000 AS "dueInMs"`,
};

/** Milliseconds until somebody is to be reminded, or a priority raised; negative when that is late, null when nothing waits. */
export async function remindersDueInMs(db: Db): Promise<number | null> {
  const [due] = await db.read<{ dueInMs: number | null }>(REMINDERS_DUE);
  return due?.dueInMs ?? null;
}

/** Does some of what due dates ask for. @returns whether there may be more. @throws DATABASE_UNAVAILABLE */
export const remind = async (ctx: Context): Promise<boolean> =>
  (await triggerReminders(ctx)) || (await raisePriorities(ctx));
