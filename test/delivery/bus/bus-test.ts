import { once } from "node:events";
import { type AddressInfo, connect as connectSocket, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { jetstream, jetstreamManager, type StreamInfo } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Client } from "pg";
import { beforeEach, expect, onTestFinished } from "vitest";
import { readConfig } from "../../../src/config/config.ts";
import type { Database } from "../../../src/db/database.ts";
import type { CloudEvent } from "../../../src/delivery/cloud-event.ts";
import { bus as busJob } from "../../../src/jobs/bus.ts";
import type { RunningJob } from "../../../src/jobs/job.ts";
import { systemClock } from "../../../src/log/clock.ts";
import type { OutageLogger } from "../../../src/log/outage.ts";
import { silent } from "../../log/open-log.ts";
import { commit, type TestProcess, taskEvent } from "../../log/test-log.ts";
import { eventually } from "../../support/eventually.ts";
import { type NatsServer, natsProgram } from "../../support/nats-server.ts";

/** Skips the tests of a file where there is no NATS server, and says so. */
export function needNats(): void {
  const missing = natsProgram === undefined;
  if (missing) console.warn("skipped, as nats-server is not installed");
  beforeEach(({ skip }) => skip(missing, "nats-server is not installed"));
}

/** The bus job of one server process; it ends with the test. */
export async function startTestBus(
  { database, log }: TestProcess,
  url: string,
  env: Record<string, string> = {},
  logger: OutageLogger = silent,
): Promise<RunningJob> {
  const config = readConfig({ DOCKET_NATS_URL: url, ...env });
  const bus = await busJob.start({ database, log, config, logger, clock: systemClock });
  onTestFinished(() => bus.close());
  return bus;
}

/** Errors and news of a job, as they stand in the server's log. */
export function recordingLogger(): OutageLogger & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    info: (_details, message) => void lines.push(message),
    error: (details, message) => {
      const error = "err" in details ? details.err : undefined;
      lines.push(error instanceof Error ? `${message}: ${error.message}` : message);
    },
  };
}

/** A message as the stream has it. */
export interface Stored {
  readonly subject: string;
  readonly msgId: string | undefined;
  readonly contentType: string | undefined;
  readonly event: CloudEvent;
}

/** The stream of a NATS server, as a consumer sees it. */
export interface StreamReader {
  info(): Promise<StreamInfo>;
  /** Once there are so many messages. */
  reach(atLeast: number): Promise<StreamInfo>;
  /** All messages, once there are so many. */
  messages(atLeast: number): Promise<Stored[]>;
}

/** Between two looks, in milliseconds: each is a connection. */
const LOOK_MS = 100;

export function readerOf(nats: NatsServer, stream = "DOCKET", login: object = {}): StreamReader {
  /** A connection for each look: the server may have gone in between. */
  async function using<T>(work: (connection: NatsConnection) => Promise<T>): Promise<T> {
    const connection = await connect({ servers: nats.url.slice("nats://".length), reconnect: false, ...login });
    try {
      return await work(connection);
    } finally {
      await connection.close();
    }
  }
  const info = () => using(async (connection) => (await jetstreamManager(connection)).streams.info(stream));
  const reach = async (atLeast: number) =>
    await eventually(
      async () => {
        const found = await info();
        expect(found.state.messages).toBeGreaterThanOrEqual(atLeast);
        return found;
      },
      { interval: LOOK_MS },
    );
  return {
    info,
    reach,
    async messages(atLeast) {
      const { state } = await reach(atLeast);
      return using(async (connection) => {
        const consumer = await jetstream(connection).consumers.get(stream);
        const stored: Stored[] = [];
        for await (const message of await consumer.fetch({ max_messages: state.messages, expires: 5_000 })) {
          stored.push({
            subject: message.subject,
            msgId: message.headers?.get("Nats-Msg-Id"),
            contentType: message.headers?.get("Content-Type"),
            event: message.json<CloudEvent>(),
          });
        }
        return stored;
      });
    },
  };
}

/** Fails unless the stream has each event of the log once, and those of one subject in order. */
export async function expectWholeLog(owner: Client, stored: readonly Stored[]): Promise<void> {
  await owner.query("SELECT drain()");
  const { rows } = await owner.query<{ id: string; lane: string }>(
    "SELECT event_id AS id, project_id || ' ' || subject_type || '/' || subject_id AS lane FROM events ORDER BY position",
  );
  expect(stored.length).toBe(rows.length);
  const lanes = (events: readonly { id: string; lane: string }[]) =>
    Object.fromEntries(
      [...Map.groupBy(events, ({ lane }) => lane)].sort().map(([lane, of]) => [lane, of.map((e) => e.id)]),
    );
  const told = stored.map(({ event: { id, data, subject } }) => ({
    id,
    lane: `${data.projectId ?? "_server"} ${subject}`,
  }));
  expect(lanes(told)).toEqual(lanes(rows));
}

/** Pause of a writer between its commits, in milliseconds: events are always under way, and a log of thousands proves no more. */
const PAUSE_MS = 30;

/** Writers that commit events of a few tasks, one after another, until they are stopped. */
export interface Load {
  readonly committed: number;
  /** Answers how many events were committed. */
  stop(): Promise<number>;
}

export function keepWriting(database: Database): Load {
  let committed = 0;
  let stopped = false;
  const writer = async (project: string) => {
    for (let i = 0; !stopped; i++) {
      await commit(database, taskEvent(project, `TASK-${i % 3}`, { i }), taskEvent(project, "TASK-9", { i }));
      committed += 2;
      await pause(PAUSE_MS);
    }
  };
  const writers = Promise.all(["alpha", "alpha", "beta"].map(writer));
  const stop = async () => {
    stopped = true;
    await writers;
    return committed;
  };
  onTestFinished(() => void stop());
  return {
    get committed() {
      return committed;
    },
    stop,
  };
}

/** A way to a NATS server on which each piece of what is sent there takes so many milliseconds. */
export async function startSlowLine(url: string, delayMs: number): Promise<string> {
  const far = Number(new URL(url).port);
  const server = createServer((near) => {
    const there = connectSocket(far, "127.0.0.1");
    for (const socket of [near, there]) socket.on("error", () => undefined);
    near.on("data", (chunk) => setTimeout(() => there.write(chunk), delayMs));
    near.once("close", () => there.destroy());
    there.pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
