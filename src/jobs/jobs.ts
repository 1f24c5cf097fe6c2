import type { JobShape, Jobs } from "../../schema/context.ts";
import { JOB_NAMES, type JobName } from "../config/jobs.ts";
import type { Database } from "../db/database.ts";
import { databaseNow } from "../db/now.ts";
import { type Clock, systemClock } from "../log/clock.ts";
import { archive } from "./archive.ts";
import { bus } from "./bus.ts";
import type { Job, JobContext, RunningJob } from "./job.ts";
import { leases } from "./leases.ts";
import { pauses } from "./pauses.ts";
import { recurrences } from "./recurrences.ts";
import { reminders } from "./reminders.ts";
import { reservations } from "./reservations.ts";
import { retention } from "./retention.ts";
import { webhooks } from "./webhooks.ts";

const JOBS: Readonly<Record<JobName, Job>> = {
  bus,
  webhooks,
  leases,
  reservations,
  recurrences,
  pauses,
  reminders,
  archive,
  retention,
};

/** The jobs of this process. */
export interface RunningJobs extends Jobs {
  /** Failures in a row of each job that this process does something of. */
  failures(): ReadonlyMap<JobName, number>;
  /** What a job has counted since the start; empty where it counts nothing or does not run here. */
  counts(name: JobName): Readonly<Record<string, number>>;
  close(): Promise<void>;
}

/**
 * Starts the background jobs that this process is to run (`DOCKET_JOBS`). Each is safe on any number of processes. What
 * is switched off loses nothing: its work waits in the database.
 */
export async function startJobs(context: Omit<JobContext, "clock">, clock: Clock = systemClock): Promise<RunningJobs> {
  const running = new Map<JobName, RunningJob>();
  // Ends those that run when one of them does not start.
  await using starting = new AsyncDisposableStack();
  starting.defer(async () => void (await Promise.all([...running.values()].map((job) => job.close()))));
  for (const name of context.config.jobs) running.set(name, await JOBS[name].start({ ...context, clock }));
  const started = starting.move();
  return {
    state: () => stateOf(running, context.database, clock),
    failures: () =>
      new Map(
        [...running].flatMap(([name, { loops }]) =>
          loops.length === 0 ? [] : [[name, Math.max(...loops.map(({ state }) => state.failures))]],
        ),
      ),
    counts: (name) => running.get(name)?.counts?.() ?? {},
    close: () => started.disposeAsync(),
  };
}

async function stateOf(running: ReadonlyMap<JobName, RunningJob>, db: Database, clock: Clock): Promise<JobShape[]> {
  const lags = await Promise.all(JOB_NAMES.map((name) => lagOf(JOBS[name], db)));
  const from = (await databaseNow(db)).getTime() - clock.now();
  const instant = (at: number | null) => (at === null ? null : new Date(from + at));
  return JOB_NAMES.map((name, i) => {
    const job = running.get(name);
    return {
      name,
      description: JOBS[name].description,
      enabled: job !== undefined,
      lagSeconds: lags[i] ?? null,
      steps: (job?.loops ?? []).map(({ state: { what, lastRunAt, dueAt, ...rest } }) => ({
        ...rest,
        description: what,
        lastRunAt: instant(lastRunAt),
        dueAt: instant(dueAt),
      })),
    };
  });
}

async function lagOf(job: Job, db: Database): Promise<number | null> {
  if (!job.dueInMs) return null;
  const dueInMs = await job.dueInMs(db);
  return dueInMs === null ? 0 : Math.max(0, -dueInMs) / 1_000;
}
