import type { Config } from "../config/config.ts";
import type { Database } from "../db/database.ts";
import { type Clock, systemClock } from "../log/clock.ts";
import type { Log } from "../log/log.ts";
import type { OutageLogger } from "../log/outage.ts";
import { startBus } from "./bus.ts";
import { startExpiry } from "./expiry.ts";
import { startRetention } from "./retention.ts";
import { startWebhooks } from "./webhooks.ts";

/** What a job may use. */
export interface JobContext {
  readonly database: Database;
  readonly log: Log;
  readonly logger: OutageLogger;
  readonly clock: Clock;
  readonly config: Config;
}

/** A job that runs until it is closed. */
export interface RunningJob {
  close(): Promise<void>;
}

/**
 * Starts the background jobs that this process is to run (`DOCKET_JOBS`). Each is safe on any number of processes. What
 * is switched off loses nothing: its work waits in the database.
 */
export async function startJobs(context: Omit<JobContext, "clock">, clock: Clock = systemClock): Promise<RunningJob> {
  const running: RunningJob[] = [];
  // Ends those that run when one of them does not start.
  await using starting = new AsyncDisposableStack();
  starting.defer(async () => void (await Promise.all(running.map((job) => job.close()))));
  for (const name of context.config.jobs) running.push(await JOBS[name]({ ...context, clock }));
  const started = starting.move();
  return { close: () => started.disposeAsync() };
}

const JOBS: Readonly<Record<Config["jobs"][number], (context: JobContext) => Promise<RunningJob>>> = {
  bus: startBus,
  webhooks: startWebhooks,
  expiry: startExpiry,
  retention: startRetention,
};
