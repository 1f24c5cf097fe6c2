import { SERVER } from "../access/viewer.ts";
import type { LoggedEvent } from "../log/read/event.ts";
import { remind, remindersDueInMs } from "../schedule/due.ts";
import type { Job, JobContext } from "./job.ts";
import { changesAnyOf, whenDue } from "./when-due.ts";

/** How late it may be seen what nobody told of, as rows of plain SQL, in milliseconds. */
const INTERVAL_MS = 30_000;

/** Reminds of what is due. What was due while it was off is told of as soon as it is on again. */
export const reminders = {
  description:
    "Triggers the reminders whose time has come, task.reminder.triggered, and raises the priority of what is due soon: task.updated",
  dueInMs: remindersDueInMs,
  start: async ({ database, ...context }: Omit<JobContext, "config">) => {
    const ctx = { db: database, viewer: SERVER, correlationId: "reminders" };
    const work = {
      what: "Reminding of what is due",
      intervalMs: INTERVAL_MS,
      dueInMs: () => remindersDueInMs(database),
      step: () => remind(ctx),
    };
    return whenDue(context, work, (events, loop) => {
      if (events.some(maySetTime)) loop.poke();
    });
  },
} satisfies Job;

/** What of a task, or of a project, says when something is to be done. */
const TIMES = ["dueDate", "reminderOffsets", "reminderStatus", "raisePriorityBefore", "archivedAt"];

function maySetTime(event: LoggedEvent): boolean {
  if (event.type === "task.reminder.triggered") return false;
  const { task } = event.payload as { task?: { dueDate?: unknown } };
  return event.type === "task.created" ? typeof task?.dueDate === "string" : changesAnyOf(event, TIMES);
}
