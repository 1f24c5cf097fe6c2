import { SERVER } from "../access/viewer.ts";
import { archiveSettled } from "../tasks/archive.ts";
import type { Job, JobContext, RunningJob } from "./job.ts";
import { Loop } from "./loop.ts";

const HOUR_MS = 3_600_000;

/** Puts away what was settled long ago. */
export const archive = {
  description: "Archives tasks that were completed or deleted long ago: task.archived",
  start: startArchive,
} satisfies Job;

async function startArchive({ database, clock, config, logger }: JobContext): Promise<RunningJob> {
  const { archiveAfterDays } = config.tasks;
  const ctx = { db: database, viewer: SERVER, correlationId: "archive" };
  const loop = new Loop(
    {
      what: "Archiving tasks",
      intervalMs: HOUR_MS,
      step: async () => archiveAfterDays > 0 && (await archiveSettled(ctx, archiveAfterDays)) > 0,
    },
    clock,
    logger,
  );
  return { loops: [loop], close: () => loop.close() };
}
