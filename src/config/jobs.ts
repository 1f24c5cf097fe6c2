import { z } from "zod";
import { list, setting } from "./setting.ts";

/** The background jobs there are. */
export const JOB_NAMES = ["bus", "webhooks", "leases", "reservations", "retention"] as const;
export type JobName = (typeof JOB_NAMES)[number];

/** Names that jobs had before. */
const FORMER_NAMES: Readonly<Record<string, JobName>> = { expiry: "reservations" };

const jobNamed = (name: string) => FORMER_NAMES[name] ?? name;

/** The background jobs of this process: all but those named with -, or only those named without. */
export const jobs = z
  .object({
    DOCKET_JOBS: setting(
      list
        .refine(
          (names) => names.every((name) => name === "none" || isJob(jobNamed(name.replace(/^-/, "")))),
          `must be "none", or some of ${JOB_NAMES.join(", ")}, or these with - before them, separated by commas`,
        )
        .default([]),
      {
        unset: "all",
        meaning: `background jobs of this process: ${JOB_NAMES.map((name) => `\`${name}\``).join(", ")}. \`-webhooks\` switches one off, a list without \`-\` runs only what it names, \`none\` nothing; what no process runs waits in the database`,
        shown: true,
      },
    ),
  })
  .transform(({ DOCKET_JOBS: names }) => {
    const off = names.filter((name) => name.startsWith("-")).map((name) => jobNamed(name.slice(1)));
    const only = names.filter((name) => !name.startsWith("-")).map(jobNamed);
    return JOB_NAMES.filter((job) => !off.includes(job) && (only.length === 0 || only.includes(job)));
  })
  .readonly();

function isJob(name: string): boolean {
  return JOB_NAMES.some((job) => job === name);
}
