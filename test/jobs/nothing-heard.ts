import type { JobContext } from "../../src/jobs/job.ts";

/** A log that wakes no job: each is left to its timer. */
export const nothingHeard: JobContext["log"] = {
  onEvents: () => () => undefined,
  onDue: () => () => undefined,
};
