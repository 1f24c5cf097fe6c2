import { takeOutOldest } from "../log/retention.ts";
import type { JobContext, RunningJob } from "./jobs.ts";
import { Loop } from "./loop.ts";

const HOUR_MS = 3_600_000;

/** Takes what is older than `logMonths` out of the log, a partition at a time. */
export async function startRetention({ database, clock, config, logger }: JobContext): Promise<RunningJob> {
  const { logMonths } = config;
  return new Loop(
    {
      what: "Taking old parts out of the log",
      intervalMs: HOUR_MS,
      async step() {
        const table = await takeOutOldest(database, logMonths);
        if (table === null) return false;
        logger.info({ table, logMonths }, "Took a part out of the log; the table may be dumped and dropped");
        return true;
      },
    },
    clock,
    logger,
  );
}
