import { z } from "zod";
import { list, setting } from "./setting.ts";

const JOBS = ["bus", "webhooks", "expiry", "retention"] as const;

/** The background jobs of this process. */
export const jobs = z
  .object({
    DOCKET_JOBS: setting(
      list
        .pipe(z.array(z.enum(["none", ...JOBS], `must be "none" or some of ${JOBS.join(", ")}, separated by commas`)))
        .default([...JOBS]),
      {
        meaning: "background jobs of this process, or `none`; what no process runs waits in the database",
        shown: true,
      },
    ),
  })
  .transform((env) => JOBS.filter((job) => env.DOCKET_JOBS.includes(job)))
  .readonly();
