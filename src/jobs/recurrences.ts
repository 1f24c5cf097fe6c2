import { SERVER } from "../access/viewer.ts";
import type { LoggedEvent } from "../log/read/event.ts";
import { instancesDueInMs, lookAgainByNewerZones, makeDueInstances } from "../schedule/due-instances.ts";
import type { Job, JobContext } from "./job.ts";
import { changesAnyOf, whenDue } from "./when-due.ts";

/** How late it may be seen what nobody told of, as rows of plain SQL, in milliseconds. */
const INTERVAL_MS = 60_000;

/** Makes the instances of recurring tasks. What was missed while it was off follows each task's catchUp when it is on again. */
export const recurrences = {
  description: "Makes the instances of recurring tasks whose time has come: task.created",
  dueInMs: instancesDueInMs,
  start: async ({ database, ...context }: Omit<JobContext, "config">) => {
    const ctx = { db: database, viewer: SERVER, correlationId: "recurrences" };
    let hasLookedAtZones = false;
    const work = {
      what: "Making the instances of recurring tasks",
      intervalMs: INTERVAL_MS,
      dueInMs: async () => {
        if (!hasLookedAtZones) await lookAgainByNewerZones(database);
        hasLookedAtZones = true;
        return instancesDueInMs(database);
      },
      step: () => makeDueInstances(ctx),
    };
    return whenDue(context, work, (events, loop) => {
      if (events.some(maySetTime)) loop.poke();
    });
  },
} satisfies Job;

/** What of a task, or of its project, says when it recurs. */
const TIMES = [
  ...["recurrencePattern", "recurrenceTimeZone", "recurrenceEndDate", "recurrencePausedAt"],
  ...["dueDate", "reminderOffsets", "deletedAt", "archivedAt"],
];

function maySetTime(event: LoggedEvent): boolean {
  const { task } = event.payload as { task?: { recurrencePattern?: unknown } };
  if (event.type === "task.created") return typeof task?.recurrencePattern === "string";
  return event.type === "task.occurrence_skipped" || changesAnyOf(event, TIMES);
}
