import { expect, onTestFinished, test } from "vitest";
import type { Viewer } from "../../src/access/viewer.ts";
import { openDatabase } from "../../src/db/database.ts";
import type { Log } from "../../src/log/log.ts";
import type { EventPage, EventsQuery } from "../../src/log/read/history.ts";
import { eventually } from "../support/eventually.ts";
import { ManualClock } from "./manual-clock.ts";
import { openServerLog } from "./open-log.ts";
import { ADMIN, commit, startLog, taskEvent } from "./test-log.ts";

/** Waits for what comes after now, for as long as one may. */
async function startWaiting(log: Log, query: Partial<EventsQuery> = {}, viewer: Viewer = ADMIN) {
  const others = log.waiting;
  const after = query.after === undefined ? await log.cursor() : query.after;
  const page = log.events(viewer, { filter: {}, first: 100, waitSeconds: 30, ...query, after });
  let answered = false;
  page.then(
    () => {
      answered = true;
    },
    () => undefined,
  );
  await eventually(() => expect(log.waiting).toBe(others + 1));
  return { page, isAnswered: () => answered };
}

/** Commits, and comes back when the process of `log` has handed the events to all who hang on them. */
async function commitAndDeliver(log: Log, ...[database, ...events]: Parameters<typeof commit>) {
  const delivered = Promise.withResolvers<void>();
  const stop = log.onEvents(() => delivered.resolve());
  await commit(database, ...events);
  await log.cursor();
  await delivered.promise;
  stop();
}

const subjects = ({ events }: EventPage) => events.map(({ subjectId }) => subjectId);

test("answers at once what is there, and otherwise waits for what comes", async () => {
  const { database, log } = await startLog();
  await commit(database, taskEvent("alpha", "TASK-001"));
  const there = await log.events(ADMIN, { filter: {}, after: null, first: 100, waitSeconds: 30 });
  expect(subjects(there)).toEqual(["TASK-001"]);
  const { page } = await startWaiting(log, { after: there.cursor });
  await commit(database, taskEvent("alpha", "TASK-002"));
  const came = await page;
  expect(subjects(came)).toEqual(["TASK-002"]);
  expect(came).toMatchObject({ caughtUp: true, cursor: await log.cursor() });
  expect(log.waiting).toBe(0);
});

test("waits from the oldest event kept when there is no cursor", async () => {
  const { database, log } = await startLog();
  const { page } = await startWaiting(log, { after: null, filter: { projects: ["alpha"] } });
  await commit(database, taskEvent("alpha", "TASK-001"));
  expect(subjects(await page)).toEqual(["TASK-001"]);
});

test("gathers what comes within a tenth of a second of the first event", async () => {
  const clock = new ManualClock();
  const { database, log } = await startLog({ clock });
  const { page, isAnswered } = await startWaiting(log);
  await commitAndDeliver(log, database, taskEvent("alpha", "TASK-001"));
  await clock.advance(50);
  await commitAndDeliver(log, database, taskEvent("alpha", "TASK-002"));
  await clock.advance(49);
  expect(isAnswered()).toBe(false);
  await clock.advance(1);
  expect(subjects(await page)).toEqual(["TASK-001", "TASK-002"]);
});

test("gives no more than was asked for, and the rest after its cursor", async () => {
  const clock = new ManualClock();
  const { database, log } = await startLog({ clock });
  const { page } = await startWaiting(log, { first: 2 });
  await commitAndDeliver(log, database, ...["TASK-001", "TASK-002", "TASK-003"].map((id) => taskEvent("alpha", id)));
  await clock.advance(100);
  const first = await page;
  expect([subjects(first), first.caughtUp]).toEqual([["TASK-001", "TASK-002"], false]);
  const rest = await log.events(ADMIN, { filter: {}, after: first.cursor, first: 2, waitSeconds: 30 });
  expect([subjects(rest), rest.caughtUp]).toEqual([["TASK-003"], true]);
});

test("answers an empty page with the place it came to when the time is over", async () => {
  const clock = new ManualClock();
  const { database, log } = await startLog({ clock });
  const after = await log.cursor();
  const { page, isAnswered } = await startWaiting(log, {
    after,
    filter: { types: ["task.completed"] },
    waitSeconds: 20,
  });
  await commitAndDeliver(log, database, taskEvent("alpha", "TASK-001"), taskEvent("beta", "TASK-002"));
  const now = await log.cursor();
  await clock.advance(19_999);
  expect(isAnswered()).toBe(false);
  await clock.advance(1);
  expect(await page).toEqual({ events: [], cursor: now, caughtUp: true });
  expect(now).not.toBe(after);
  expect(log.waiting).toBe(0);
});

test("wakes for the one event that a narrow filter selects, and shows a limited key nothing else", async () => {
  const { database, log } = await startLog();
  const limited = { ...ADMIN, actor: "limited", projectIds: ["alpha"] };
  const narrow = await startWaiting(log, {
    filter: { subjects: [{ type: "task", ids: ["TASK-777"] }], types: ["task.completed"] },
  });
  const own = await startWaiting(log, {}, limited);
  for (let i = 0; i < 20; i++)
    await commit(database, taskEvent("beta", "TASK-777"), { ...taskEvent("beta", "TASK-001"), type: "task.completed" });
  expect([narrow.isAnswered(), own.isAnswered()]).toEqual([false, false]);
  await commit(database, { ...taskEvent("alpha", "TASK-777"), type: "task.completed" });
  for (const { page } of [narrow, own])
    expect((await page).events.map(({ projectId, subjectId }) => `${projectId} ${subjectId}`)).toEqual([
      "alpha TASK-777",
    ]);
});

test("misses nothing that is delivered after it looked and before it waits", async () => {
  const { database, test: db } = await startLog();
  const others = openDatabase({ url: db.url, size: 4, applicationName: "docket test" });
  const looked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const slow = {
    ...others,
    read: (async (...args: Parameters<typeof others.read>) => {
      // The key is judged after the log was looked at.
      if (typeof args[0] === "object" && args[0].name === "key-validity") {
        looked.resolve();
        await goOn.promise;
      }
      return others.read(...args);
    }) as typeof others.read,
  };
  const log = await openServerLog({ database: slow, listenUrl: db.url });
  onTestFinished(() => log.close().then(() => others.close()));
  const keyed = { ...ADMIN, keyId: "00000000-0000-4000-8000-000000000000" };
  const page = log.events(keyed, { filter: {}, after: null, first: 100, waitSeconds: 30 });
  await looked.promise;
  await commitAndDeliver(log, database, taskEvent("alpha", "TASK-001"));
  goOn.resolve();
  expect(subjects(await page)).toEqual(["TASK-001"]);
});

test("misses nothing however the wait and the commits of two processes fall together", async () => {
  const { database, log, another } = await startLog();
  const other = await another();
  const filter = { types: ["task.completed"] };
  let after = await log.cursor();
  for (let i = 0; i < 60; i++) {
    const waiting = log.events(ADMIN, { filter, after, first: 100, waitSeconds: 30 });
    for (let turn = 0; turn < i % 12; turn++) await new Promise(setImmediate);
    const done = { ...taskEvent("alpha", `TASK-${i}`), type: "task.completed" as const };
    await commit(i % 2 ? database : other.database, taskEvent("beta", "TASK-001"), done);
    const page = await waiting;
    expect(subjects(page)).toEqual([`TASK-${i}`]);
    after = page.cursor;
  }
});

test("holds no database connection while it waits", async () => {
  const { database: writer, test: db } = await startLog();
  const database = openDatabase({ url: db.url, size: 2, applicationName: "docket test" });
  const log = await openServerLog({ database, listenUrl: db.url });
  onTestFinished(() => log.close().then(() => database.close()));
  const after = await log.cursor();
  const waiting = Array.from({ length: 20 }, () =>
    log.events(ADMIN, { filter: {}, after, first: 100, waitSeconds: 30 }),
  );
  await eventually(() => expect(log.waiting).toBe(20));
  // The process's own look for events comes and goes.
  await eventually(() => expect(database.pool.idleCount).toBe(database.pool.totalCount));
  const asked = Array.from({ length: 10 }, () => database.read<{ one: number }>("SELECT 1 AS one"));
  expect((await Promise.all(asked)).flat()).toHaveLength(10);
  expect(log.waiting).toBe(20);
  await commit(writer, taskEvent("alpha", "TASK-001"));
  for (const page of await Promise.all(waiting)) expect(subjects(page)).toEqual(["TASK-001"]);
});

test("ends with a page to resume from when the server stops, which does not wait for it", async () => {
  const { database, log, another } = await startLog();
  const { page } = await startWaiting(log);
  await log.close();
  const ended = await page;
  expect(ended.events).toEqual([]);
  const other = await another();
  await commit(other.database, taskEvent("alpha", "TASK-001"));
  const resumed = await other.log.events(ADMIN, { filter: {}, after: ended.cursor, first: 100, waitSeconds: 30 });
  expect(subjects(resumed)).toEqual(["TASK-001"]);
  // Who comes to the closed log gets what there is, and does not wait.
  const late = await log.events(ADMIN, { filter: {}, after: resumed.cursor, first: 100, waitSeconds: 30 });
  expect(late.events).toEqual([]);
  expect(database.pool.waitingCount).toBe(0);
});

test("ends with UNAUTHENTICATED when its key expires", async () => {
  const clock = new ManualClock();
  const { log, owner } = await startLog({ clock });
  const { rows } = await owner.query<{ at: Date }>("SELECT docket_now() + interval '25 s' AS at");
  const long = clock.timersBeyond(15_000);
  const { page, isAnswered } = await startWaiting(log, {}, { ...ADMIN, expiresAt: rows[0]?.at ?? null });
  // The database has said how long the key is good for, and the time to wait runs.
  await eventually(() => expect(clock.timersBeyond(15_000)).toBe(long + 2));
  const refused = expect(page).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  await clock.advance(10_000);
  expect(isAnswered()).toBe(false);
  await clock.advance(15_000);
  await refused;
  expect(log.waiting).toBe(0);
});

test("is freed when its caller goes away, and not begun for one that is gone", async () => {
  const { log } = await startLog();
  const caller = new AbortController();
  const { page } = await startWaiting(log, { gone: caller.signal });
  caller.abort();
  expect((await page).events).toEqual([]);
  expect(log.waiting).toBe(0);
  const gone = await log.events(ADMIN, { filter: {}, after: null, first: 1, waitSeconds: 30, gone: caller.signal });
  expect(gone.events).toEqual([]);
});

test("ends with CURSOR_EXPIRED when the database loses events", async () => {
  const { database, log, owner } = await startLog({ settings: { pollMs: 50 } });
  await commit(database, taskEvent("alpha", "TASK-001"), taskEvent("alpha", "TASK-002"));
  const { page } = await startWaiting(log);
  const refused = expect(page).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
  await owner.query("ALTER TABLE events DISABLE TRIGGER events_immutable");
  await owner.query("DELETE FROM events WHERE position > 1");
  await owner.query("UPDATE log_head SET position = 1");
  await refused;
  expect(log.waiting).toBe(0);
});

test("lets a hundred of one key and client id wait, and others beside them", async () => {
  const { database, log } = await startLog();
  const after = await log.cursor();
  const wait = (viewer: Viewer) => log.events(viewer, { filter: {}, after, first: 1, waitSeconds: 30 });
  const waiting = Array.from({ length: 100 }, () => wait(ADMIN));
  await eventually(() => expect(log.waiting).toBe(100));
  await expect(wait(ADMIN)).rejects.toMatchObject({ code: "RATE_LIMITED" });
  waiting.push(wait({ ...ADMIN, client: "another session" }));
  await eventually(() => expect(log.waiting).toBe(101));
  await commit(database, taskEvent("alpha", "TASK-001"));
  await Promise.all(waiting);
  const again = wait(ADMIN);
  expect(subjects(await again)).toEqual(["TASK-001"]);
});

test("refuses a time that is no whole number of seconds from 0 to 30", async () => {
  const { log } = await startLog();
  for (const waitSeconds of [-1, 31, 0.5, Number.NaN])
    await expect(log.events(ADMIN, { filter: {}, after: null, first: 1, waitSeconds })).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
      message: expect.stringContaining("0 to 30"),
    });
});
