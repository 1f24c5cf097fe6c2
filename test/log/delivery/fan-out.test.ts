import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { type Database, openDatabase, type Statement } from "../../../src/db/database.ts";
import type { FrameStream } from "../../../src/log/live/frame-stream.ts";
import type { EventFrame } from "../../../src/log/live/frames.ts";
import type { Log } from "../../../src/log/log.ts";
import { createTestDatabase } from "../../support/database.ts";
import { openServerLog } from "../open-log.ts";
import { ADMIN, commit, startLog, taskEvent } from "../test-log.ts";

/** The database, and how often each statement was sent to it. */
function counting(database: Database): { database: Database; sent: Map<string, number> } {
  const sent = new Map<string, number>();
  const read = <Row>(statement: Statement, values?: readonly unknown[]) => {
    const name = typeof statement === "string" ? statement : statement.name;
    sent.set(name, (sent.get(name) ?? 0) + 1);
    return database.read<Row>(statement, values);
  };
  return { database: { ...database, read }, sent };
}

/** So many streams of everything, each past its first frame. */
async function subscribe(log: Log, count: number): Promise<FrameStream<EventFrame>[]> {
  const streams: FrameStream<EventFrame>[] = [];
  while (streams.length < count) {
    const some = Array.from({ length: Math.min(500, count - streams.length) }, async () => {
      const stream = await log.follow(ADMIN, { filter: {}, after: null });
      await stream.next();
      return stream;
    });
    streams.push(...(await Promise.all(some)));
  }
  return streams;
}

/** Takes frames until the event of that number of project alpha has come; every number before must have. */
async function takeTo(stream: FrameStream<EventFrame>, last: number, seen: number): Promise<void> {
  for (let number = seen; number < last; ) {
    const { value, done } = await stream.next();
    if (done) throw new Error(`the stream ended behind event ${number} of ${last}`);
    for (const event of value.events) {
      if (event.number !== number + 1) throw new Error(`event ${event.number} came behind event ${number}`);
      number++;
    }
  }
}

test("sends the database the same statements for 500 subscribers as for one", async () => {
  const { test: db } = await startLog({ settings: { drainIntervalMs: 60_000, pollMs: 60_000 } });
  // Nothing is notified there, so that each commit is heard of once: from this process's own drain.
  const elsewhere = await createTestDatabase();
  const pool = openDatabase({ url: db.url, size: 4, applicationName: "docket test" });
  const { database, sent } = counting(pool);
  const settings = { drainIntervalMs: 60_000, pollMs: 60_000, frameIntervalMs: 5, streamsPerClient: 1_000 };
  const log = await openServerLog({ database, listenUrl: elsewhere.url, settings });
  onTestFinished(async () => {
    await log.close();
    await pool.close();
    await elsewhere.drop();
  });

  let number = 0;
  const statementsFor = async (streams: FrameStream<EventFrame>[]) => {
    sent.clear();
    for (let i = 0; i < 10; i++) {
      await commit(database, taskEvent("alpha", "TASK-001"));
      number++;
      await Promise.all(streams.map((stream) => takeTo(stream, number, number - 1)));
    }
    return Object.fromEntries(sent);
  };
  const streams = await subscribe(log, 1);
  expect(await statementsFor(streams)).toEqual({ "log-drain": 10, "log-tail": 10 });
  streams.push(...(await subscribe(log, 499)));
  expect(await statementsFor(streams)).toEqual({ "log-drain": 10, "log-tail": 10 });
});

test("gives each of 10,000 subscribers of one process every event of a burst", async ({ annotate }) => {
  const count = 10_000;
  const events = 1_200;
  const { owner, log } = await startLog({ settings: { streamsPerClient: count } });
  const before = await heapUsed();
  const streams = await subscribe(log, count);
  expect(log.streams).toBe(count);
  await annotate(`${Math.round(((await heapUsed()) - before) / count)} bytes of heap for each idle subscriber`);
  // On a connection without a limit of its own: this one process may be busy with its subscribers for longer.
  for (let i = 0; i < events; i += 100)
    await owner.query(
      `INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, payload)
       SELECT 'task.updated', 'alpha', 'task', 'TASK-001', '{}' FROM generate_series(1, 100)`,
    );
  const [quick, ...slow] = streams as [FrameStream<EventFrame>, ...FrameStream<EventFrame>[]];
  await takeTo(quick, events, 0);
  // The others have taken nothing, and have more before them than a queue holds.
  await annotate(`${Math.round(((await heapUsed()) - before) / count)} with ${events} events not taken`);
  await Promise.all(slow.map((stream) => takeTo(stream, events, 0)));
  await Promise.all(streams.map((stream) => stream.return?.()));
  expect(log.streams).toBe(0);
});

/** After a collection. */
async function heapUsed(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  gc();
  return process.memoryUsage().heapUsed;
}
