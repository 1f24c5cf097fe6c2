import { SERVER } from "../access/viewer.ts";
import { expireLeases, leasesDueInMs } from "../tasks/expire-leases.ts";
import type { Job, JobContext } from "./job.ts";
import { Loop } from "./loop.ts";

/** How late it may be told that a lease has ended that began after the last look, in milliseconds. */
const INTERVAL_MS = 5_000;

/** Tells of leases that ended. It loses nothing while it is off: a claim of the task tells of the end as well. */
export const leases = {
  description: "Tells of leases that ended: task.lease_expired",
  dueInMs: leasesDueInMs,
  async start({ database, clock, logger }: Pick<JobContext, "database" | "clock" | "logger">) {
    const loop = new Loop(
      {
        what: "Telling of leases that ended",
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
