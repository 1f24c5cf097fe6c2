import { SERVER } from "../access/viewer.ts";
import { endPauses, pausesDueInMs } from "../projects/end-pauses.ts";
import { endWhenOver } from "./end-when-over.ts";
import type { Job, JobContext } from "./job.ts";

/** Tells that a pause is over, or the period of a budget that was spent. It loses nothing while it is off: claims look at the time themselves. */
export const pauses = {
  description:
    "Resumes the projects whose pause is over, project.resumed, and renews budgets that were spent: project.budget_available",
  dueInMs: pausesDueInMs,
  start: async ({ database, ...context }: Omit<JobContext, "config">) =>
    endWhenOver(context, {
      what: "Ending pauses",
      endOf: ({ type, payload }) =>
        type === "project.paused" ? payload["until"] : type === "project.budget_spent" && payload["periodEndsAt"],
      dueInMs: () => pausesDueInMs(database),
      step: () => endPauses({ db: database, viewer: SERVER, correlationId: "pauses" }),
    }),
} satisfies Job;
