import { z } from "zod";
import { list, setting } from "./setting.ts";

/** The background jobs there are. */
export const JOB_NAMES = [
  "bus",
  "webhooks",
  "leases",
  "reservations",
  "recurrences",
  "pauses",
  "reminders",
  "archive",
  "retention",
] as const;
export type JobName = (typeof JOB_NAMES)[number];

/** The jobs of version 0.1.0. A list that was written then could not name any other, and must not switch it off. */
const FIRST_JOBS: readonly JobName[] = ["bus", "webhooks", "reservations", "retention"];

/** Names that jobs had before. */
const FORMER_NAMES: Readonly<Record<string, JobName>> = { expiry: "reservations" };

const quoted = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(", ");
const jobNamed = (name: string) => FORMER_NAMES[name] ?? name;

/** The background jobs of this process: all but those named with -, and, of the first ones, only those named without. */
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
        meaning: `background jobs of this process: ${quoted(JOB_NAMES)}. \`-webhooks\` switches one off, and so does a list without \`-\` that leaves out one of ${quoted(FIRST_JOBS)}; \`none\` runs nothing; what no process runs waits in the database. \`reminders\` raises priorities before due dates, too`,
        shown: true,
      },
    ),
  })
  .transform(({ DOCKET_JOBS: names }) => {
    const off = names.filter((name) => name.startsWith("-")).map((name) => jobNamed(name.slice(1)));
    const only = names.filter((name) => !name.startsWith("-")).map(jobNamed);
    const isUnnamed = (job: JobName) => only.length === 0 || !(FIRST_JOBS.includes(job) || only.includes("none"));
    return JOB_NAMES.filter((job) => !off.includes(job) && (only.includes(job) || isUnnamed(job)));
  })
  .readonly();

function isJob(name: string): boolean {
  return JOB_NAMES.some((job) => job === name);
}
