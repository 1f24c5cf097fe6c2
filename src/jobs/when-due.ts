import type { LoggedEvent } from "../log/read/event.ts";
import type { JobContext, RunningJob } from "./job.ts";
import { Loop, type Work } from "./loop.ts";

/** Whether an event changes one of these fields of its subject. */
export const changesAnyOf = ({ payload: { changes } }: LoggedEvent, fields: readonly string[]): boolean =>
  typeof changes === "object" && changes !== null && fields.some((field) => field in changes);

/**
 * Starts a job whose work has its time: a timer tells of the next, and what is heard of tells of what is sooner.
 * @param heard told of what has happened; it pokes the loop, or announces when there will be something to do.
 */
export function whenDue(
  { log, clock, logger }: Pick<JobContext, "log" | "clock" | "logger">,
  work: Required<Work>,
  heard: (events: readonly LoggedEvent[], loop: Loop) => void,
): RunningJob {
  const loop = new Loop(work, clock, logger);
  const stops = [log.onDue(() => loop.poke()), log.onEvents((events) => heard(events, loop))];
  return {
    loops: [loop],
    async close() {
      for (const stop of stops) stop();
      await loop.close();
    },
  };
}
