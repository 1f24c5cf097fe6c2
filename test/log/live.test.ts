import type { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/db/database.ts";
import { eventually } from "../support/eventually.ts";
import { openServerLog, silent } from "./open-log.ts";
import { ADMIN, commit, startLog, takeEvents, taskEvent } from "./test-log.ts";

/** As a restore of an older copy does, in which other things happen from then on. */
async function loseAllButFirst(owner: Client) {
  await owner.query("ALTER TABLE events DISABLE TRIGGER events_immutable");
  await owner.query("DELETE FROM events WHERE position > 1");
  await owner.query("ALTER TABLE events ENABLE TRIGGER events_immutable");
}

test("delivers what another process committed, also when that process dies before it drains", async () => {
  const { log, test: db, another } = await startLog();
  const stream = await log.follow(ADMIN, { filter: {}, after: null });
  const other = await another();
  await commit(other.database, taskEvent("alpha", "TASK-001"));
  const [frame] = (await takeEvents(stream, 1)).slice(-1);
  expect(frame?.events[0]).toMatchObject({ projectId: "alpha", number: 1, subjectId: "TASK-001", actor: "admin" });

  const dying = openDatabase({ url: db.url, size: 1, applicationName: "docket test" });
  await commit(dying, taskEvent("alpha", "TASK-002"));
  await dying.close();
  const [next] = (await takeEvents(stream, 1)).slice(-1);
  expect(next?.events[0]).toMatchObject({ number: 2, subjectId: "TASK-002" });
});

test("says in its first frame from where on it is live, and begins after what was committed before", async () => {
  const { database, log } = await startLog();
  await commit(database, taskEvent("alpha", "TASK-001"));
  const stream = await log.follow(ADMIN, { filter: {}, after: null });
  const first = (await stream.next()).value;
  expect(first).toMatchObject({ events: [], caughtUp: true });
  await stream.return?.();
  await commit(database, taskEvent("alpha", "TASK-002"));
  const resumed = await log.follow(ADMIN, { filter: {}, after: first?.cursor ?? null });
  const frames = await takeEvents(resumed, 1);
  expect(frames.flatMap(({ events }) => events.map(({ subjectId }) => subjectId))).toEqual(["TASK-002"]);
  await resumed.return?.();
  expect(log.streams).toBe(0);
});

test("goes on delivering when its LISTEN connection is killed, and listens again", async () => {
  const { database, log, owner } = await startLog({ settings: { reconnectMs: 10, pollMs: 100 } });
  const stream = await log.follow(ADMIN, { filter: {}, after: null });
  const listening = async () =>
    (
      await owner.query<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'docket listen'",
      )
    ).rows.map(({ pid }) => pid);
  await eventually(async () => expect(await listening()).toHaveLength(1));
  const [before] = await listening();
  await owner.query("SELECT pg_terminate_backend($1)", [before]);
  await commit(database, taskEvent("alpha", "TASK-001"));
  await takeEvents(stream, 1);
  await eventually(async () => expect((await listening()).filter((pid) => pid !== before)).toHaveLength(1));
  await commit(database, taskEvent("alpha", "TASK-002"));
  expect((await takeEvents(stream, 1)).at(-1)?.events[0]?.number).toBe(2);
});

test("goes on where it was when all its connections were cut", async () => {
  const { database, log, owner } = await startLog({ settings: { reconnectMs: 10, pollMs: 50 } });
  const stream = await log.follow(ADMIN, { filter: {}, after: null });
  await commit(database, taskEvent("alpha", "TASK-001"));
  await takeEvents(stream, 1);
  for (let i = 2; i <= 4; i++) {
    await owner.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    await owner.query(`INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor)
      VALUES ('task.updated', 'alpha', 'task', 'TASK-001', 'sql')`);
    expect((await takeEvents(stream, 1)).at(-1)?.events.map(({ number }) => number)).toEqual([i]);
  }
});

test("ends all streams when the database lost events, and refuses their cursors from then on", async () => {
  const { database, log, owner } = await startLog({ settings: { pollMs: 50 } });
  const stream = await log.follow(ADMIN, { filter: {}, after: null });
  await commit(database, taskEvent("alpha", "TASK-001"), taskEvent("alpha", "TASK-002"));
  const cursor = (await takeEvents(stream, 2)).at(-1)?.cursor ?? "";
  await loseAllButFirst(owner);
  await commit(database, taskEvent("alpha", "TASK-003"));
  expect((await stream.next()).done).toBe(true);
  await expect(log.follow(ADMIN, { filter: {}, after: cursor })).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
  const fresh = await log.follow(ADMIN, { filter: {}, after: null });
  await fresh.next();
  await commit(database, taskEvent("alpha", "TASK-004"));
  expect((await takeEvents(fresh, 1)).at(-1)?.events[0]).toMatchObject({ number: 3, subjectId: "TASK-004" });
});

test("begins no stream in the log of before when the database loses events while the stream is opened", async () => {
  const { database, log, owner, test: db } = await startLog();
  await commit(
    database,
    taskEvent("alpha", "TASK-001"),
    taskEvent("alpha", "TASK-002"),
    taskEvent("alpha", "TASK-003"),
  );
  const { cursor } = await log.events(ADMIN, { filter: {}, after: null, first: 2 });
  const others = openDatabase({ url: db.url, size: 4, applicationName: "docket test" });
  const looking = Promise.withResolvers<void>();
  const found = Promise.withResolvers<void>();
  const slow = {
    ...others,
    read: (async (...args: Parameters<typeof others.read>) => {
      const rows = await others.read(...args);
      if (typeof args[0] === "object" && args[0].name === "log-place") {
        looking.resolve();
        await found.promise;
      }
      return rows;
    }) as typeof others.read,
  };
  const errors: string[] = [];
  const logger = { ...silent, error: (_: object, message: string) => void errors.push(message) };
  const other = await openServerLog({ database: slow, listenUrl: db.url, logger, settings: { pollMs: 20 } });
  onTestFinished(() => other.close().then(() => others.close()));
  const opening = other.follow(ADMIN, { filter: {}, after: cursor });
  await looking.promise;
  await loseAllButFirst(owner);
  await eventually(() => expect(errors).toContainEqual(expect.stringMatching(/lost events/)));
  await commit(database, taskEvent("alpha", "TASK-004"));
  found.resolve();
  await expect(opening).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
  expect(other.streams).toBe(0);
});

test("delivers past a transaction that stays open", async () => {
  const { database, log, owner } = await startLog();
  const stream = await log.follow(ADMIN, { filter: {}, after: null });
  await owner.query("BEGIN");
  await owner.query(`INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor)
    VALUES ('task.updated', 'alpha', 'task', 'TASK-009', 'slow')`);
  await commit(database, taskEvent("alpha", "TASK-001"));
  expect((await takeEvents(stream, 1)).at(-1)?.events.map(({ actor }) => actor)).toEqual(["admin"]);
  await owner.query("COMMIT");
  expect((await takeEvents(stream, 1)).at(-1)?.events.map(({ actor }) => actor)).toEqual(["slow"]);
});

test("ends each stream with a last frame to resume from when the server stops", async () => {
  const { database, log, another } = await startLog();
  const stream = await log.follow(ADMIN, { filter: {}, after: null });
  await stream.next();
  await log.close();
  const last = await stream.next();
  expect(last.value).toMatchObject({ events: [] });
  expect(await stream.next()).toEqual({ done: true, value: undefined });
  await commit(database, taskEvent("alpha", "TASK-001"));
  const resumed = await (await another()).log.follow(ADMIN, { filter: {}, after: last.value?.cursor ?? null });
  expect((await takeEvents(resumed, 1)).at(-1)?.events[0]?.number).toBe(1);
});

test("leaves what its own last changes appended in the log when it stops", async () => {
  const { test: db, owner } = await startLog({ settings: { drainIntervalMs: 60_000 } });
  const database = openDatabase({ url: db.url, size: 2, applicationName: "docket test" });
  const settings = { drainDelayMs: 60_000, drainIntervalMs: 60_000 };
  const log = await openServerLog({ database, listenUrl: db.url, settings });
  await commit(database, taskEvent("alpha", "TASK-001"));
  await log.close();
  expect((await owner.query("SELECT FROM events")).rowCount).toBe(1);
  await database.close();
});

test("reports an outage once, and its end", async () => {
  const { test: db } = await startLog();
  const reports: string[] = [];
  const logger = {
    info: (_: object, message: string) => void reports.push(message),
    error: (_: object, message: string) => void reports.push(message),
  };
  const database = openDatabase({ url: db.url, size: 2, applicationName: "docket test" });
  let down = false;
  const flaky = {
    ...database,
    read: ((...args: Parameters<typeof database.read>) =>
      down ? Promise.reject(new Error("down")) : database.read(...args)) as typeof database.read,
  };
  const log = await openServerLog({
    database: flaky,
    listenUrl: db.url,
    logger,
    settings: { drainIntervalMs: 5, pollMs: 60_000 },
  });
  const failing = () => reports.filter((report) => report.startsWith("Moving events into the log"));
  down = true;
  await eventually(() => expect(failing()).toHaveLength(1));
  await expect(log.cursor()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  down = false;
  await eventually(() => expect(failing()).toHaveLength(2));
  expect(failing()[1]).toMatch(/works again/);
  await log.close();
  await database.close();
});

test("delivers a burst larger than it reads at once, from the very first event on", async () => {
  const { database, log } = await startLog({ settings: { pollMs: 60_000 } });
  const stream = await log.follow(ADMIN, { filter: {}, after: null });
  await stream.next();
  await commit(database, ...Array.from({ length: 2_300 }, (_, i) => taskEvent("alpha", `TASK-${i}`)));
  const frames = await takeEvents(stream, 2_300);
  expect(frames.flatMap(({ events }) => events.map(({ number }) => number))).toEqual(
    Array.from({ length: 2_300 }, (_, i) => i + 1),
  );
});
