import type { Config } from "../config/config.ts";
import type { Database, Db } from "../db/database.ts";
import type { Clock } from "../log/clock.ts";
import type { Log } from "../log/log.ts";
import type { OutageLogger } from "../log/outage.ts";
import type { Loop } from "./loop.ts";

/** What a job may use. */
export interface JobContext {
  readonly database: Database;
  /** What wakes a job before its time. */
  readonly log: Pick<Log, "onEvents" | "onDue">;
  readonly logger: OutageLogger;
  readonly clock: Clock;
  readonly config: Config;
}

/** What goes on in the background, under the name that DOCKET_JOBS gives it. It is safe on any number of processes. */
export interface Job {
  /** What it does, for people. */
  readonly description: string;
  start(context: JobContext): Promise<RunningJob>;
  /**
   * Milliseconds until the earliest of its work is due, whatever process does it; negative when that is late, null when
   * there is none. Left out by a job whose work has no time.
   */
  dueInMs?(db: Db): Promise<number | null>;
}

/** A job that runs until it is closed. */
export interface RunningJob {
  /** What it consists of: each runs for itself. */
  readonly loops: readonly Loop[];
  /** What it has counted since the start, by what came of it. */
  readonly counts?: () => Readonly<Record<string, number>>;
  close(): Promise<void>;
}
