import { SERVER } from "../access/viewer.ts";
import { expireLeases, leasesDueInMs } from "../tasks/expire-leases.ts";
import { endWhenOver } from "./end-when-over.ts";
import type { Job, JobContext } from "./job.ts";

/** Ends what was held too long. It loses nothing while it is off: a claim of the task does the same. */
export const leases = {
  description: "Gives back the tasks whose lease has ended: task.lease_expired",
  dueInMs: leasesDueInMs,
  start: async ({ database, ...context }: Omit<JobContext, "config">) =>
    endWhenOver(context, {
      what: "Ending leases",
      endOf: (event) => event.type === "task.claimed" && event.payload["leaseExpiresAt"],
      dueInMs: () => leasesDueInMs(database),
      step: () => expireLeases({ db: database, viewer: SERVER, correlationId: "leases" }),
    }),
} satisfies Job;
