import { pruneEnded } from "../db/prune.ts";
import { takeOutOldest } from "../log/write/retention.ts";
import type { Job, JobContext, RunningJob } from "./job.ts";
import { Loop } from "./loop.ts";

const HOUR_MS = 3_600_000;

/** Takes what is older than `keptMonths` out of the log, a partition at a time, and prunes what ended long ago. */
export const retention = {
  description: "Takes old parts out of the log, and prunes what ended long ago",
  start: startRetention,
} satisfies Job;

async function startRetention({ database, clock, config, logger }: JobContext): Promise<RunningJob> {
  const { keptMonths } = config.log;
  const takingOut = new Loop(
    {
      what: "Taking old parts out of the log",
      intervalMs: HOUR_MS,
      async step() {
        const table = await takeOutOldest(database, keptMonths);
        if (table === null) return false;
        logger.info({ table, keptMonths }, "Took a part out of the log; the table may be dumped and dropped");
        return true;
      },
    },
    clock,
    logger,
  );
  const pruning = new Loop(
    { what: "Pruning what ended long ago", intervalMs: HOUR_MS, step: () => pruneEnded(database) },
    clock,
    logger,
  );
  return {
    loops: [takingOut, pruning],
    close: async () => void (await Promise.all([takingOut.close(), pruning.close()])),
  };
}
