import type { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { retention } from "../../src/jobs/retention.ts";
import { connectAuditor } from "../../src/log/audit/auditor.ts";
import { verifyLog } from "../../src/log/audit/verify.ts";
import { takeOutOldest } from "../../src/log/write/retention.ts";
import { eventually } from "../support/eventually.ts";
import { connectOwner } from "../support/owner.ts";
import { ManualClock } from "./manual-clock.ts";
import { hasRead, LONG_AGO, startOldLog } from "./old-log.ts";
import { silent } from "./open-log.ts";
import { fill, partitions, usePartitionsOf } from "./small-partitions.ts";
import { ADMIN, commit, startLog, takeEvents, taskEvent } from "./test-log.ts";

const MONTH_S = (365.25 / 12) * 86_400;
const HOUR_MS = 3_600_000;

async function floors(owner: Client): Promise<unknown> {
  const { rows } = await owner.query("SELECT project_id, number::int FROM project_log_floors ORDER BY project_id");
  return rows;
}

test("takes out only what is older than 24 months while three years go by, and the chains go on", async () => {
  const { database, log, owner, test: testDatabase } = await startLog();
  const time = await connectOwner(testDatabase);
  await usePartitionsOf(owner, 25);
  const clock = new ManualClock();
  const taken: string[] = [];
  const logger = { ...silent, info: (details: object) => void taken.push((details as { table: string }).table) };
  const config = readConfig({});
  expect(config.log.keptMonths).toBe(24);
  const job = await retention.start({ database, log, logger, clock, config });
  onTestFinished(() => job.close());
  const auditor = await connectAuditor(testDatabase.ownerUrl);
  onTestFinished(() => auditor.end());

  const stream = await log.follow(ADMIN, { filter: { projects: ["alpha"] }, after: null });
  onTestFinished(() => void stream.return?.());
  const live: number[] = [];
  const perMonth = 10;
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
         WHERE position <= (SELECT position FROM log_floor) + 25
         HAVING count(*) = 25 AND (SELECT max(position) FROM events) > (SELECT position FROM log_floor) + 25`,
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
  // 361 events: of the 12 months that are old enough there are 121, in four full partitions.
  await eventually(() => expect(taken).toEqual([1, 26, 51, 76].map((first) => `events_from_${first}`)));
  expect(await floors(owner)).toEqual([
    { project_id: "alpha", number: 99 },
    { project_id: "beta", number: 1 },
  ]);
  expect(await verifyLog(auditor)).toMatchObject({ events: 261, projects: 1, floor: 100, faults: [] });

  // Who watched missed nothing; who reads history begins at the oldest kept.
  expect(live).toEqual(Array.from({ length: 36 * perMonth }, (_, i) => i + 1));
  const page = await log.events(ADMIN, { filter: { projects: ["alpha"] }, after: null, first: 1 });
  expect(page.events.map(({ number }) => number)).toEqual([100]);
  await commit(database, taskEvent("beta", "TASK-001"));
  const beta = await log.events(ADMIN, { filter: { projects: ["beta"] }, after: null, first: 10 });
  expect(beta.events.map(({ number }) => number)).toEqual([2]);
  expect(await verifyLog(auditor)).toMatchObject({ events: 262, projects: 2, faults: [] });
});

test("takes out one partition after another by their newest events, never the one where the log ends or one that is not full", async () => {
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

  // Young is a partition with one young event, wherever in it that lies.
  await fill(owner, "alpha", 1, "docket_now() - interval '23 months'");
  await fill(owner, "alpha", 60, LONG_AGO);
  expect(await takeOutOldest(database, 24)).toBeNull();
  expect(await takeOutOldest(database, 22)).toBe("events_from_201");
});

test("refuses to keep less than a month, waits for nobody who uses the log for long, and takes parts out the next time, each once, whichever process does it", async () => {
  const { database, log, owner, another } = await startOldLog();
  for (const keep of ["interval '29 days'", "interval '0'", "interval '-1 year'", "NULL"])
    await expect(database.write(`SELECT detach_log_partition(${keep})`)).rejects.toThrow("kept for one month at least");
  expect((await partitions(owner))[0]).toBe("events_from_1");

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

  const other = await another();
  const tables: (string | null)[] = [];
  for (let round = 0; round < 3; round++)
    tables.push(...(await Promise.all([database, other.database, database].map((db) => takeOutOldest(db, 24)))));
  // Which process takes the first one is open.
  expect(tables.filter((table) => table !== null).sort()).toEqual(["events_from_1", "events_from_101"]);
  expect((await partitions(owner))[0]).toBe("events_from_201");
  expect(await floors(owner)).toEqual([
    { project_id: "alpha", number: 60 },
    { project_id: "beta", number: 140 },
  ]);
});

test("disturbs neither writers nor streams while parts are taken out", async () => {
  const { database, log, owner, another } = await startLog();
  const other = await another();
  await usePartitionsOf(owner, 20);
  const start = await log.cursor();
  await fill(owner, "beta", 200, LONG_AGO);
  // Who has not read what is taken out has to begin anew.
  for (const process of [log, other.log]) await hasRead(process, start, 200);
  const streams = await Promise.all(
    [log, other.log].map((process) => process.follow(ADMIN, { filter: { projects: ["alpha"] }, after: null })),
  );
  const total = 80;
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
      expect(taken).toHaveLength(10);
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
