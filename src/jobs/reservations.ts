import { expireReservations, reservationsDueInMs } from "../ids/expire.ts";
import { endWhenOver } from "./end-when-over.ts";
import type { Job, JobContext } from "./job.ts";

/** Tells of reservations that expired. It loses nothing while it is off: the next writer of a sequence does the same. */
export const reservations = {
  description: "Tells of reservations that expired, and lets their numbers go back: ids.expired",
  dueInMs: reservationsDueInMs,
  start: async ({ database, ...context }: Omit<JobContext, "config">) =>
    endWhenOver(context, {
      what: "Telling of expired reservations",
      endOf: (event) => event.type === "ids.reserved" && event.payload["expiresAt"],
      dueInMs: () => reservationsDueInMs(database),
      step: () => expireReservations(database),
    }),
} satisfies Job;
