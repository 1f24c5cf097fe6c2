import { SERVER } from "../access/viewer.ts";
import { endPauses, pausesDueInMs } from "../projects/end-pauses.ts";
import { endWhenOver } from "./end-when-over.ts";
import type { Job, JobContext } from "./job.ts";

/** Tells that a pause is over. It loses nothing while it is off: claims look at the time themselves. */
export const pauses = {
  description: "Resumes the projects whose pause is over: project.resumed",
  dueInMs: pausesDueInMs,
  start: async ({ database, ...context }: Omit<JobContext, "config">) =>
    endWhenOver(context, {
      what: "Ending pauses",
      endOf: (event) => event.type === "project.paused" && event.payload["until"],
      dueInMs: () => pausesDueInMs(database),
      step: () => endPauses({ db: database, viewer: SERVER, correlationId: "pauses" }),
    }),
} satisfies Job;
