import { expireReservations } from "../ids/expire.ts";
import type { JobContext, RunningJob } from "./jobs.ts";
import { Loop } from "./loop.ts";

/** How late it may be told that a reservation has expired, in milliseconds. */
const INTERVAL_MS = 2_000;

/** Tells of reservations that expired. It loses nothing while it is off: the next writer of a sequence does the same. */
export async function startExpiry({
  database,
  clock,
  logger,
}: Pick<JobContext, "database" | "clock" | "logger">): Promise<RunningJob> {
  const step = () => expireReservations(database);
  return new Loop({ what: "Telling of expired reservations", intervalMs: INTERVAL_MS, step }, clock, logger);
}
