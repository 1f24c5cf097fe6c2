import { expect, test } from "vitest";
import type { Database, Db } from "../../src/db/database.ts";
import type { Place } from "../../src/log/read/cursor.ts";
import type { LoggedEvent } from "../../src/log/read/event.ts";
import { readHistories } from "../../src/log/read/history.ts";
import { placeAt, readHead, readPage } from "../../src/log/read/page.ts";
import { ensureReader, pump } from "../../src/log/sinks/pump.ts";
import { EVERYTHING } from "../../src/log/sinks/sink.ts";
import { takeOutOldest } from "../../src/log/write/retention.ts";
import { ManualClock } from "./manual-clock.ts";
import { hasRead, LONG_AGO, startOldLog } from "./old-log.ts";
import { silent } from "./open-log.ts";
import { fill, partitions, usePartitionsOf } from "./small-partitions.ts";
import { ADMIN, startLog, takeEvents } from "./test-log.ts";

test("tells a cursor below the floor how to start again, and resumes from one at the floor", async () => {
  const { database, log, owner, another } = await startLog();
  await usePartitionsOf(owner, 100);
  const start = await log.cursor();
  await fill(owner, "alpha", 99, LONG_AGO);
  const below = await log.cursor();
  await fill(owner, "alpha", 1, LONG_AGO);
  const at = await log.cursor();
  await fill(owner, "alpha", 10);
  await hasRead(log, start, 110);
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
  log.onEvents(() => looked.resolve());
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

test("skips nothing when a part is taken out between two looks of one reader, or of a sink, which goes on at the floor or begins at the oldest kept, in one step", async () => {
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
  const tasks = [{ projectId: "alpha", id: "TASK-001" }];
  for (const after of [begin, early]) {
    await expect(read(database, after)).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
    const history = readHistories(database, "task", tasks, { after, until, limit: 100 });
    await expect(history).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
  }
  expect((await partitions(owner))[0]).toBe("events_from_101");

  const errors: object[] = [];
  const logger = { ...silent, error: (details: object) => void errors.push(details) };
  for (const [reader, taken] of got) {
    const take = async (events: readonly LoggedEvent[]) => void taken.push(...events.map(({ position }) => position));
    while (await pump(database, clock, logger, { reader, selection: EVERYTHING, take }));
  }
  const rest = Array.from({ length: 110 }, (_, i) => 101 + i);
  expect([...got.values()]).toEqual([rest, rest]);
  expect(errors).toEqual([{ reader: "behind", position: 40 }]);

  // However much was taken out, it is passed in one step.
  expect(await takeOutOldest(database, 24)).toBe("events_from_101");
  const counted = counting(database);
  const oldest = await read(counted.db, null);
  expect(oldest.events.map(({ position }) => position)).toEqual(Array.from({ length: 10 }, (_, i) => 201 + i));
  expect(oldest.place.position).toBe(210);
  // Where it begins, then one page.
  expect(counted.reads()).toBe(2);
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
