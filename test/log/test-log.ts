import { randomBytes } from "node:crypto";
import type { Client } from "pg";
import { onTestFinished } from "vitest";
import { acting } from "../../src/access/act-as.ts";
import type { Context, Viewer } from "../../src/access/viewer.ts";
import { type Database, openDatabase } from "../../src/db/database.ts";
import type { EventType } from "../../src/event-types.ts";
import type { FrameStream } from "../../src/log/live/frame-stream.ts";
import type { EventFrame } from "../../src/log/live/frames.ts";
import type { Log, LogOptions } from "../../src/log/log.ts";
import { append, type NewEvent } from "../../src/log/write/append.ts";
import type { TestDatabase } from "../support/database.ts";
import { takeDatabase } from "../support/kept-database.ts";
import { openServerLog } from "./open-log.ts";

export const ADMIN: Viewer = {
  actor: "admin",
  name: "admin",
  client: null,
  keyId: null,
  role: "admin",
  projectIds: null,
  expiresAt: null,
};

/** One server process's part of the log, on a database that others may share. */
export interface TestProcess {
  readonly database: Database;
  readonly log: Log;
  /** Ends as a process does that is stopped in order. */
  stop(): Promise<void>;
}

export interface TestLog extends TestProcess {
  readonly test: TestDatabase;
  /** The owner of the tables. */
  readonly owner: Client;
  another(options?: Partial<LogOptions>): Promise<TestProcess>;
}

/** A log on a database as new with projects alpha and beta; all that a test leaves in it is gone when the test ends. */
export async function startLog(options: Partial<LogOptions> = {}): Promise<TestLog> {
  const { test, owner, database, giveBack } = await takeDatabase();
  const processes: TestProcess[] = [];
  onTestFinished(async ({ task }) => {
    for (const process of processes) await process.stop();
    await giveBack(task.result?.state === "pass");
  });
  await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ('alpha', false), ('beta', false)");
  await owner.query(
    "INSERT INTO projects (project_id, name, id_namespace) VALUES ('alpha', 'Alpha', 'alpha'), ('beta', 'Beta', 'beta')",
  );
  const start = async (on: Database, more: Partial<LogOptions>, end: () => Promise<void>) => {
    const process = await startProcess(on, test.url, more, end);
    processes.push(process);
    return process;
  };
  const first = await start(database, options, async () => undefined);
  const another = async (more: Partial<LogOptions> = {}) => {
    const own = openDatabase({ url: test.url, size: 8, applicationName: "docket test" });
    return await start(own, more, () => own.close());
  };
  return { ...first, test, owner, another };
}

/** One viewer may stand for many clients. */
const MANY_STREAMS = 100_000;

/** @param end what else ends with it. */
async function startProcess(
  database: Database,
  url: string,
  options: Partial<LogOptions>,
  end: () => Promise<void>,
): Promise<TestProcess> {
  const settings = { streamsPerClient: MANY_STREAMS, ...options.settings };
  const log = await openServerLog({ database, listenUrl: url, ...options, settings });
  let stopped: Promise<void> | undefined;
  return { database, log, stop: () => (stopped ??= log.close().then(end)) };
}

/** The context of a verb that `viewer` calls. */
export function contextOf(db: Context["db"], viewer: Viewer = ADMIN): Context {
  return { db, viewer, correlationId: randomBytes(4).toString("hex") };
}

/** The log takes any payload: only verbs have to say what they changed. */
export type TestEvent = Omit<NewEvent, "type" | "payload"> & {
  readonly type: EventType;
  readonly payload: Readonly<Record<string, unknown>>;
};

/** Leaves events in an open transaction, as a verb would. */
export const leave = (inside: Context, ...events: TestEvent[]) => append(inside, ...(events as NewEvent[]));

/** An event of a task. */
export function taskEvent(projectId: string, taskId: string, payload: Record<string, unknown> = {}): TestEvent {
  return { type: "task.updated", projectId, subjectType: "task", subjectId: taskId, payload };
}

/** Commits the events as one change by `viewer`. */
export async function commitAs(database: Database, viewer: Viewer, ...events: TestEvent[]): Promise<void> {
  await acting(contextOf(database, viewer), (inside) => leave(inside, ...events));
}

export const commit = (database: Database, ...events: TestEvent[]) => commitAs(database, ADMIN, ...events);

/** Takes frames until `enough` events have come. */
export async function takeEvents(stream: FrameStream<EventFrame>, enough: number): Promise<EventFrame[]> {
  const frames: EventFrame[] = [];
  let events = 0;
  while (events < enough) {
    const { value, done } = await stream.next();
    if (done) throw new Error(`the stream ended after ${events} of ${enough} events`);
    frames.push(value);
    events += value.events.length;
  }
  return frames;
}
