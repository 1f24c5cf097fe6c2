import type { LoggedEvent } from "../log/read/event.ts";
import type { JobContext, RunningJob } from "./job.ts";
import type { Work } from "./loop.ts";
import { whenDue } from "./when-due.ts";

/** How late it may be seen that something is over whose end nobody announced, as rows of plain SQL, in milliseconds. */
const INTERVAL_MS = 60_000;

interface Ending extends Required<Omit<Work, "intervalMs">> {
  /** When what begins with an event ends: an instant in ISO 8601; anything else where it begins nothing of this job. */
  endOf(event: LoggedEvent): unknown;
}

/**
 * Starts a job that ends what has its time, when it is over: a timer tells of the next end, and events of what ends
 * sooner.
 */
export const endWhenOver = (
  context: Pick<JobContext, "log" | "clock" | "logger">,
  { endOf, ...work }: Ending,
): RunningJob =>
  whenDue(context, { intervalMs: INTERVAL_MS, ...work }, (events, loop) => {
    for (const event of events) {
      const end = endOf(event);
      if (typeof end === "string") loop.announce(Date.parse(end) - event.occurredAt.getTime());
    }
  });
