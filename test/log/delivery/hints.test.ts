import { expect, onTestFinished, test, vi } from "vitest";
import { connect } from "../../../src/db/connect.ts";
import { openDatabase } from "../../../src/db/database.ts";
import { ManualClock } from "../manual-clock.ts";
import { commit, startLog, type TestLog, taskEvent } from "../test-log.ts";

/** Another listener of the channel, beside those of the processes. */
async function listen({ test: db }: TestLog) {
  const client = await connect(db.ownerUrl, "docket test listener");
  onTestFinished(() => client.end());
  const heard: { position: number; sender: number }[] = [];
  client.on("notification", ({ payload, processId }) => heard.push({ position: Number(payload), sender: processId }));
  await client.query("LISTEN docket_log");
  return {
    heard,
    /** When everything that was sent before has come: notifications of one connection arrive in the order of commits. */
    async flush() {
      await client.query("NOTIFY docket_log, '-1'");
      await expect.poll(() => heard.at(-1)?.position).toBe(-1);
      heard.pop();
    },
  };
}

/** A log that nobody drains unless told. */
const NEVER = { drainDelayMs: 60_000, drainIntervalMs: 60_000 };

test("sends no notification with a write, only with the drain behind it", async () => {
  const at = await startLog({ settings: NEVER });
  const { heard, flush } = await listen(at);
  const writer = openDatabase({ url: at.test.url, size: 1, applicationName: "docket test" });
  onTestFinished(() => writer.close());
  const [{ pid: writerPid } = { pid: 0 }] = await writer.read<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  await commit(writer, taskEvent("alpha", "TASK-001"));
  await commit(writer, taskEvent("alpha", "TASK-002"));
  await flush();
  expect(heard).toEqual([]);
  expect((await at.owner.query("SELECT FROM event_inbox")).rowCount).toBe(2);

  await at.log.cursor();
  await flush();
  expect(heard).toEqual([{ position: 2, sender: expect.any(Number) }]);
  expect(heard[0]?.sender).not.toBe(writerPid);
  // Who hears it finds the events: it was sent when they were there.
  expect((await at.owner.query("SELECT FROM events WHERE position <= $1", [heard[0]?.position])).rowCount).toBe(2);
});

test("tells of many commits with fewer notifications, and of the last one", async () => {
  const at = await startLog();
  const { heard, flush } = await listen(at);
  const commits = 300;
  for (let done = 0; done < commits; done += 8)
    await Promise.all(
      Array.from({ length: Math.min(8, commits - done) }, () => commit(at.database, taskEvent("alpha", "TASK-001"))),
    );
  await at.log.cursor();
  await flush();
  expect(heard.at(-1)?.position).toBe(commits);
  expect(heard.length).toBeLessThan(commits / 2);
  // A drain that finds nothing has nothing to tell.
  expect(new Set(heard.map(({ position }) => position)).size).toBe(heard.length);
});

test("lets a busy process drain less often, and one at rest at once", async () => {
  const clock = new ManualClock();
  const at = await startLog({ clock, settings: { drainIntervalMs: 60_000, drainDelayMs: 3, drainPauseMs: 25 } });
  const { heard, flush } = await listen(at);
  const drainedTo = (position: number) => expect.poll(() => heard.at(-1)?.position).toBe(position);
  const commitOne = () => commit(at.database, taskEvent("alpha", "TASK-001"));
  await commitOne();
  await clock.advance(3);
  await drainedTo(1);

  await commitOne();
  await clock.advance(20);
  await commitOne();
  await clock.advance(4);
  await flush();
  expect(heard.map(({ position }) => position)).toEqual([1]);
  await clock.advance(1);
  await drainedTo(3);

  await clock.advance(25);
  await commitOne();
  await clock.advance(3);
  await drainedTo(4);

  // A reader of its own writes does not wait.
  await commitOne();
  await at.log.cursor();
  await drainedTo(5);
});

test("reads new events once, though the drain and the listener both tell of them", async () => {
  const at = await startLog({ settings: { ...NEVER, pollMs: 60_000 } });
  const { heard } = await listen(at);
  const read = vi.spyOn(at.database, "read");
  const came = Promise.withResolvers<void>();
  at.log.onEvents(() => came.resolve());
  await commit(at.database, taskEvent("alpha", "TASK-001"));
  await at.log.cursor();
  await came.promise;
  // Not flushed: a notification with another position is news to the process, which would read again.
  await expect.poll(() => heard).toHaveLength(1);
  await at.log.cursor();
  const tails = read.mock.calls.filter(([statement]) => typeof statement === "object" && statement.name === "log-tail");
  expect(tails).toHaveLength(1);
});

test("wakes a process whose polling is far away", async () => {
  const at = await startLog({ settings: { ...NEVER, pollMs: 60_000 } });
  const other = await at.another();
  const came = Promise.withResolvers<void>();
  at.log.onEvents(() => came.resolve());
  await commit(other.database, taskEvent("alpha", "TASK-001"));
  await came.promise;
});
