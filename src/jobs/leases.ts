import { SERVER } from "../access/viewer.ts";
import { expireLeases, leasesDueInMs } from "../tasks/expire-leases.ts";
import type { Job, JobContext } from "./job.ts";
import { Loop } from "./loop.ts";

/** How late it may be told that a lease has ended that began after the last look, in milliseconds. */
const INTERVAL_MS = 5_000;

/** Ends what was held too long. It loses nothing while it is off: a claim of the task does the same. */
export const leases = {
  description: "Gives back the tasks whose lease has ended: task.lease_expired",
  dueInMs: leasesDueInMs,
  async start({ database, clock, logger }: Pick<JobContext, "database" | "clock" | "logger">) {
    const loop = new Loop(
      {
        what: "Ending leases",
        intervalMs: INTERVAL_MS,
        dueInMs: () => leasesDueInMs(database),
        step: () => expireLeases({ db: database, viewer: SERVER, correlationId: "leases" }),
      },
      clock,
      logger,
    );
    return { loops: [loop], close: () => loop.close() };
  },
} satisfies Job;
