import { expireReservations, reservationsDueInMs } from "../ids/expire.ts";
import type { Job, JobContext } from "./job.ts";
import { Loop } from "./loop.ts";

/** How late it may be told that a reservation has expired that was made after the last look, in milliseconds. */
const INTERVAL_MS = 5_000;

/** Tells of reservations that expired. It loses nothing while it is off: the next writer of a sequence does the same. */
export const reservations = {
  description: "Tells of reservations that expired, and lets their numbers go back: ids.expired",
  dueInMs: reservationsDueInMs,
  async start({ database, clock, logger }: Pick<JobContext, "database" | "clock" | "logger">) {
    const loop = new Loop(
      {
        what: "Telling of expired reservations",
        intervalMs: INTERVAL_MS,
        dueInMs: () => reservationsDueInMs(database),
        step: () => expireReservations(database),
      },
      clock,
      logger,
    );
    return { loops: [loop], close: () => loop.close() };
  },
} satisfies Job;
