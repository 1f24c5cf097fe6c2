import { expect, onTestFinished } from "vitest";
import { readConfig } from "../../../src/config/config.ts";
import { type CreateWebhook, createWebhook } from "../../../src/delivery/webhooks/create.ts";
import type { RunningJob } from "../../../src/jobs/job.ts";
import { webhooks } from "../../../src/jobs/webhooks.ts";
import { type Clock, systemClock } from "../../../src/log/clock.ts";
import type { OutageLogger } from "../../../src/log/outage.ts";
import { ManualClock, settled } from "../../log/manual-clock.ts";
import { commit, contextOf, startLog, type TestLog, type TestProcess, taskEvent } from "../../log/test-log.ts";
import { passTime } from "../../support/owner.ts";

export interface JobOptions {
  readonly clock?: Clock;
  /** Default: loopback. */
  readonly privateNetworks?: string;
  /** Failures that the job may report; others fail the test. */
  readonly mayReport?: RegExp;
}

export interface Made {
  readonly webhookId: string;
  readonly secret: string;
}

/** A row of the delivery log. */
export interface SendingAttemptRow {
  readonly attempt: number;
  readonly status_code: number | null;
  readonly error: string | null;
  readonly response: string | null;
}

export interface WebhookTest extends TestLog {
  /** Runs the job, on the first process unless told. It ends with the test. */
  run(options?: JobOptions, process?: TestProcess): Promise<RunningJob>;
  /** For events of tasks unless told. */
  create(input: CreateWebhook): Promise<Made>;
  /** Commits one `task.updated` per task of project alpha, each in a transaction of its own. */
  happen(...taskIds: string[]): Promise<void>;
  /** Moves the database's clock forward by so many seconds. */
  pass(seconds: number): Promise<void>;
  deliveries(): Promise<{ subject_id: string; status: string; attempts: number; wait: number | null }[]>;
  attempts(): Promise<SendingAttemptRow[]>;
}

export async function startWebhookTest(): Promise<WebhookTest> {
  const log = await startLog();
  const { owner, database } = log;
  return {
    ...log,
    async run({ clock = systemClock, privateNetworks = "127.0.0.0/8,::1", mayReport = /^$/ } = {}, process = log) {
      const reported: unknown[] = [];
      const logger: OutageLogger = {
        info: () => undefined,
        error: (details, message) => void (mayReport.test(message) || reported.push(details, message)),
      };
      const config = readConfig({ DOCKET_WEBHOOK_PRIVATE_NETWORKS: privateNetworks });
      const job = await webhooks.start({ database: process.database, log: process.log, logger, clock, config });
      let closed: Promise<void> | undefined;
      const close = () => (closed ??= job.close());
      onTestFinished(async () => {
        const closed = close().then(() => true);
        // What is under way then is given up at its time.
        while (!(await Promise.race([closed, settled().then(() => false)])))
          if (clock instanceof ManualClock) await clock.advance(1_000);
        expect(reported).toEqual([]);
      });
      return { ...job, close };
    },
    async create(input) {
      const { webhookId, secret } = await createWebhook(contextOf(database), { types: ["task.*"], ...input });
      return { webhookId, secret: secret ?? "" };
    },
    async happen(...taskIds) {
      for (const taskId of taskIds) await commit(database, taskEvent("alpha", taskId));
    },
    pass: (seconds) => passTime(owner, seconds),
    async deliveries() {
      const { rows } = await owner.query(
        `SELECT subject_id, status, attempts, extract(epoch FROM next_attempt_at - docket_now())::float AS wait
         FROM webhook_deliveries ORDER BY position, webhook_id`,
      );
      return rows;
    },
    async attempts() {
      const { rows } = await owner.query(
        `SELECT attempt, status_code, error, response FROM webhook_attempts ORDER BY position, attempt`,
      );
      return rows;
    },
  };
}
