import type { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import type { Database, Db } from "../../src/db/database.ts";
import { startRetention } from "../../src/jobs/retention.ts";
import { connectAuditor, verifyLog } from "../../src/log/audit/verify.ts";
import type { Place } from "../../src/log/cursor.ts";
import type { LoggedEvent } from "../../src/log/event.ts";
import { readHistories } from "../../src/log/history.ts";
import { ensureReader, pump } from "../../src/log/pump.ts";
import { placeAt, readHead, readPage } from "../../src/log/read.ts";
import { takeOutOldest } from "../../src/log/retention.ts";
import { EVERYTHING } from "../../src/log/sink.ts";
import { eventually } from "../support/eventually.ts";
import { connectOwner } from "../support/owner.ts";
import { ManualClock } from "./manual-clock.ts";
import { fill, partitions, usePartitionsOf } from "./small-partitions.ts";
import { ADMIN, commit, silent, startLog, takeEvents, taskEvent } from "./test-log.ts";

const LONG_AGO = "docket_now() - interval '3 years'";
const MONTH_S = (365.25 / 12) * 86_400;
const HOUR_MS = 3_600_000;

/** A log in partitions of 100: two of them full and three years old, of alpha and beta, then ten new events of alpha. */
async function startOldLog() {
  const log = await startLog();
  await usePartitionsOf(log.owner, 100);
  await fill(log.owner, "alpha", 60, LONG_AGO);
  await fill(log.owner, "beta", 140, LONG_AGO);
  await fill(log.owner, "alpha", 10);
  return log;
}

async function floors(owner: Client): Promise<unknown> {
  const { rows } = await owner.query("SELECT project_id, number::int FROM project_log_floors ORDER BY project_id");
  return rows;
}

test("takes out only what is older than 24 months while three years go by, and the chains go on", async () => {
  const { database, log, owner, test: testDatabase } = await startLog();
  const time = await connectOwner(testDatabase);
  await usePartitionsOf(owner, 50);
  const clock = new ManualClock();
  const taken: string[] = [];
  const logger = { ...silent, info: (details: object) => void taken.push((details as { table: string }).table) };
  const config = readConfig({});
  expect(config.logMonths).toBe(24);
  const job = await startRetention({ database, log, logger, clock, config });
  onTestFinished(() => job.close());
  const auditor = await connectAuditor(testDatabase.ownerUrl);
  onTestFinished(() => auditor.end());

  const stream = await log.follow(ADMIN, { filter: { projects: ["alpha"] }, after: null });
  onTestFinished(() => void stream.return?.());
  const live: number[] = [];
  const perMonth = 20;
  for (let month = 0; month < 36; month++) {
    const ofMonth = Array.from({ length: perMonth }, () => taskEvent("alpha", "TASK-001", { month }));
    // A project that ends after the first month.
    await commit(database, ...ofMonth, ...(month === 0 ? [taskEvent("beta", "TASK-001")] : []));
    await log.cursor();
    for (const { events } of await takeEvents(stream, perMonth)) live.push(...events.map(({ number }) => number));
    await time.pass(MONTH_S);
    await clock.advance(HOUR_MS);
    // The job's step is on its way to the database.
    const due = async () => {
      const { rows } = await owner.query<{ due: boolean }>(
        `SELECT max(occurred_at) < docket_now() - interval '24 months' AS due FROM events
         WHERE position <= (SELECT position FROM log_floor) + 50
         HAVING count(*) = 50 AND (SELECT max(position) FROM events) > (SELECT position FROM log_floor) + 50`,
      );
      return rows[0]?.due ?? false;
    };
    await eventually(async () => expect(await due()).toBe(false));
    for (const table of taken) {
      const young = `SELECT count(*)::int AS n FROM ${table} WHERE occurred_at >= docket_now() - interval '24 months'`;
      expect((await owner.query(young)).rows).toEqual([{ n: 0 }]);
    }
    if (month < 23) expect(taken).toEqual([]);
  }
  // 721 events: of the 12 months that are old enough there are 241, in four full partitions.
  await eventually(() => expect(taken).toEqual([1, 51, 101, 151].map((first) => `events_from_${first}`)));
  expect(await floors(owner)).toEqual([
    { project_id: "alpha", number: 199 },
    { project_id: "beta", number: 1 },
  ]);
  expect(await verifyLog(auditor)).toMatchObject({ events: 521, projects: 1, floor: 200, faults: [] });

  // Who watched missed nothing; who reads history begins at the oldest kept.
  expect(live).toEqual(Array.from({ length: 36 * perMonth }, (_, i) => i + 1));
  const page = await log.events(ADMIN, { filter: { projects: ["alpha"] }, after: null, first: 1 });
  expect(page.events.map(({ number }) => number)).toEqual([200]);
  await commit(database, taskEvent("beta", "TASK-001"));
  const beta = await log.events(ADMIN, { filter: { projects: ["beta"] }, after: null, first: 10 });
  expect(beta.events.map(({ number }) => number)).toEqual([2]);
  expect(await verifyLog(auditor)).toMatchObject({ events: 522, projects: 2, faults: [] });
});

test("takes out one partition after another, never the one where the log ends or one that is not full", async () => {
  const { database, owner } = await startLog();
  await usePartitionsOf(owner, 100);
  expect(await takeOutOldest(database, 24)).toBeNull();
  await fill(owner, "alpha", 99, LONG_AGO);
  expect(await takeOutOldest(database, 24)).toBeNull();
  await fill(owner, "alpha", 1, LONG_AGO);
  // Full, but nothing follows.
  expect(await takeOutOldest(database, 24)).toBeNull();
  await fill(owner, "alpha", 150, LONG_AGO);
  expect(await takeOutOldest(database, 24)).toBe("events_from_1");
  expect(await takeOutOldest(database, 24)).toBe("events_from_101");
  expect(await takeOutOldest(database, 24)).toBeNull();
  expect((await partitions(owner))[0]).toBe("events_from_201");
  expect(await floors(owner)).toEqual([{ project_id: "alpha", number: 200 }]);
  const { rows } = await owner.query(`SELECT f.position::int, f.hash = e.hash AS same, p.hash = e.hash AS also
    FROM log_floor f, project_log_floors p, events_from_101 e WHERE e.position = 200`);
  expect(rows).toEqual([{ position: 200, same: true, also: true }]);
});

test("judges a partition by its newest event, wherever in it that lies", async () => {
  const { database, owner } = await startLog();
  await usePartitionsOf(owner, 100);
  await fill(owner, "alpha", 50, LONG_AGO);
  await fill(owner, "alpha", 1, "docket_now() - interval '23 months'");
  await fill(owner, "alpha", 60, LONG_AGO);
  expect(await takeOutOldest(database, 24)).toBeNull();
  expect(await takeOutOldest(database, 22)).toBe("events_from_1");
});

test("refuses to keep less than a month", async () => {
  const { database, owner } = await startOldLog();
  for (const keep of ["interval '29 days'", "interval '0'", "interval '-1 year'", "NULL"])
    await expect(database.write(`SELECT detach_log_partition(${keep})`)).rejects.toThrow("kept for one month at least");
  expect((await partitions(owner))[0]).toBe("events_from_1");
});

test("waits for nobody who uses the log for long, and takes the part out the next time", async () => {
  const { database, log, owner } = await startOldLog();
  const before = await floors(owner);
  for (const lock of ["events IN ACCESS SHARE MODE", "events_from_1 IN ACCESS SHARE MODE", "log_floor IN SHARE MODE"]) {
    await owner.query(`BEGIN; LOCK TABLE ${lock}`);
    expect([lock, await takeOutOldest(database, 24)]).toEqual([lock, null]);
    // Nothing was done by halves.
    expect((await owner.query("SELECT position::int FROM log_floor")).rows).toEqual([{ position: 0 }]);
    expect(await floors(owner)).toEqual(before);
    await owner.query("ROLLBACK");
  }
  // What was committed meanwhile has come into the log.
  await commit(database, taskEvent("alpha", "TASK-001"));
  await log.cursor();
  expect(await takeOutOldest(database, 24)).toBe("events_from_1");
});

test("takes each part out once when several processes do it at the same time", async () => {
  const { database, another, owner } = await startOldLog();
  const other = await another();
  const tables: (string | null)[] = [];
  for (let round = 0; round < 3; round++)
    tables.push(...(await Promise.all([database, other.database, database].map((db) => takeOutOldest(db, 24)))));
  expect(tables.filter((table) => table !== null)).toEqual(["events_from_1", "events_from_101"]);
  expect((await partitions(owner))[0]).toBe("events_from_201");
  expect(await floors(owner)).toEqual([
    { project_id: "alpha", number: 60 },
    { project_id: "beta", number: 140 },
  ]);
});

test("tells a cursor below the floor how to start again, and resumes from one at the floor", async () => {
  const { database, log, owner, another } = await startLog();
  await usePartitionsOf(owner, 100);
  const start = await log.cursor();
  await fill(owner, "alpha", 99, LONG_AGO);
  const below = await log.cursor();
  await fill(owner, "alpha", 1, LONG_AGO);
  const at = await log.cursor();
  await fill(owner, "alpha", 10);
  // Who has not read what is taken out has to begin anew.
  const reading = await log.follow(ADMIN, { filter: {}, after: start });
  await takeEvents(reading, 110);
  await reading.return?.();
  expect(await takeOutOldest(database, 24)).toBe("events_from_1");

  const fresh = (await another()).log;
  for (const process of [log, fresh]) {
    for (const after of [start, below]) {
      const expired = { code: "CURSOR_EXPIRED", message: expect.stringContaining("together with logCursor") };
      await expect(process.events(ADMIN, { filter: {}, after, first: 1 })).rejects.toMatchObject(expired);
    }
    const page = await process.events(ADMIN, { filter: {}, after: at, first: 100 });
    expect(page.events.map(({ number }) => number)).toEqual(Array.from({ length: 10 }, (_, i) => 101 + i));
    const stream = await process.follow(ADMIN, { filter: {}, after: at });
    const frames = await takeEvents(stream, 10);
    expect(frames[0]?.events[0]?.number).toBe(101);
    await stream.return?.();
  }
  await expect(fresh.follow(ADMIN, { filter: {}, after: below })).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
});

test("delivers what is kept also where the oldest part was taken out before the process had read any of it", async () => {
  const looked = Promise.withResolvers<void>();
  const { log, owner } = await startLog({ logger: { ...silent, error: () => looked.resolve() } });
  log.onEvents(looked.resolve);
  await usePartitionsOf(owner, 100);
  // At once for whoever looks on.
  await owner.query("BEGIN");
  await fill(owner, "alpha", 100, LONG_AGO);
  await fill(owner, "alpha", 10);
  await owner.query("SELECT detach_log_partition(interval '24 months')");
  await owner.query("COMMIT");
  await looked.promise;
  const { cursor } = await log.events(ADMIN, { filter: {}, after: null, first: 1 });
  const stream = await log.follow(ADMIN, { filter: {}, after: cursor });
  const { value } = await stream.next();
  expect(value?.events.map(({ number }) => number)).toEqual(Array.from({ length: 9 }, (_, i) => 102 + i));
  await stream.return?.();
});

test("begins at the oldest kept in one step, however much was taken out", async () => {
  const { database } = await startOldLog();
  await takeOutOldest(database, 24);
  await takeOutOldest(database, 24);
  const until = await readHead(database);
  const { db, reads } = counting(database);
  const page = await readPage(db, new ManualClock(), EVERYTHING, { after: null, until, limit: 100 });
  expect(page.events.map(({ position }) => position)).toEqual(Array.from({ length: 10 }, (_, i) => 201 + i));
  expect(page.place.position).toBe(210);
  // Where it begins, then one page.
  expect(reads()).toBe(2);
});

test("skips nothing when a part is taken out between two looks of one reader", async () => {
  const { database, owner } = await startOldLog();
  const until = await readHead(database);
  const begin = await placeAt(database, 0);
  const early = await placeAt(database, 50);
  if (!begin || !early) throw new Error("the log has lost its beginning");
  const clock = new ManualClock();
  const read = (db: Db, after: Place | null) => readPage(db, clock, EVERYTHING, { after, until, limit: 100 });

  // Where the kept log begins is read first; it moves before the page is.
  const { db } = counting(database, async (count) => void (count === 1 && (await takeOutOldest(database, 24))));
  const page = await read(db, null);
  expect(page.events.map(({ position }) => position)).toEqual(Array.from({ length: 100 }, (_, i) => 101 + i));
  // These were in the log when their readers began.
  const tasks = [{ projectId: "alpha", taskId: "TASK-001" }];
  for (const after of [begin, early]) {
    await expect(read(database, after)).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
    const history = readHistories(database, tasks, { after, until, limit: 100 });
    await expect(history).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
  }
  expect((await partitions(owner))[0]).toBe("events_from_101");
});

test("lets a sink go on at the floor, and one whose place is gone begin at the oldest kept", async () => {
  const { database, owner } = await startOldLog();
  const got = new Map<string, number[]>([
    ["behind", []],
    ["at the floor", []],
  ]);
  for (const [reader, position] of [
    ["behind", 40],
    ["at the floor", 100],
  ] as const) {
    await ensureReader(database, reader);
    await owner.query(
      `UPDATE log_readers SET position = $2, hash = (SELECT substr(hash, 1, 8) FROM events WHERE position = $2)
       WHERE reader = $1`,
      [reader, position],
    );
  }
  await takeOutOldest(database, 24);
  const errors: object[] = [];
  const logger = { ...silent, error: (details: object) => void errors.push(details) };
  for (const [reader, taken] of got) {
    const take = async (events: readonly LoggedEvent[]) => void taken.push(...events.map(({ position }) => position));
    while (await pump(database, new ManualClock(), logger, { reader, selection: EVERYTHING, take }));
  }
  const rest = Array.from({ length: 110 }, (_, i) => 101 + i);
  expect([...got.values()]).toEqual([rest, rest]);
  expect(errors).toEqual([{ reader: "behind", position: 40 }]);
});

test("disturbs neither writers nor streams while parts are taken out", async () => {
  const { database, log, owner, another } = await startLog();
  await usePartitionsOf(owner, 20);
  await fill(owner, "beta", 400, LONG_AGO);
  const other = await another();
  const streams = await Promise.all(
    [log, other.log].map((process) => process.follow(ADMIN, { filter: { projects: ["alpha"] }, after: null })),
  );
  const total = 300;
  const writers = [database, other.database].map(async (db) => {
    for (let i = 0; i < total / 2; i++) await commit(db, taskEvent("alpha", `TASK-${i}`));
  });
  const readers = streams.map(async (stream) => {
    const frames = await takeEvents(stream, total);
    await stream.return?.();
    return frames.flatMap(({ events }) => events.map(({ number }) => number));
  });
  const pages = (async () => {
    const seen: number[] = [];
    let page = await log.events(ADMIN, { filter: { projects: ["alpha"] }, after: null, first: 7 });
    for (;;) {
      seen.push(...page.events.map(({ number }) => number));
      if (seen.length >= total) return seen;
      page = await log.events(ADMIN, { filter: { projects: ["alpha"] }, after: page.cursor, first: 7 });
    }
  })().catch((error: unknown) => error);
  const taken: string[] = [];
  await eventually(
    async () => {
      for (const name of await Promise.all([takeOutOldest(database, 24), takeOutOldest(other.database, 24)]))
        if (name) taken.push(name);
      expect(taken).toHaveLength(20);
    },
    { interval: 5 },
  );
  await Promise.all(writers);
  const all = Array.from({ length: total }, (_, i) => i + 1);
  expect(await Promise.all(readers)).toEqual([all, all]);
  // A cursor that fell below the floor was told so; otherwise every number came.
  const read = await pages;
  if (Array.isArray(read)) expect(read).toEqual(all);
  else expect(read).toMatchObject({ code: "CURSOR_EXPIRED" });
});

/** The database, with its reads counted; `after` is called behind each. */
function counting(database: Database, after: (count: number) => Promise<void> = async () => undefined) {
  let reads = 0;
  const db: Db = {
    ...database,
    async read<Row>(...given: Parameters<Db["read"]>) {
      const rows = await database.read<Row>(...given);
      await after(++reads);
      return rows;
    },
  };
  return { db, reads: () => reads };
}
