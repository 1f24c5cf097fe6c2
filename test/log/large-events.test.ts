import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { Db } from "../../src/db/database.ts";
import { placeAt, readHead, readPage } from "../../src/log/read/page.ts";
import { pump } from "../../src/log/sinks/pump.ts";
import { EVERYTHING } from "../../src/log/sinks/sink.ts";
import { ManualClock } from "./manual-clock.ts";
import { silent } from "./open-log.ts";
import { ADMIN, commit, startLog, takeEvents, taskEvent } from "./test-log.ts";

const LARGE = 1_000_000;
/** More than a statement may bring. */
const EVENTS = 22;

/** Events of a megabyte: half of them as it is stored, half compressed to a hundredth. */
async function startLargeLog() {
  const at = await startLog();
  const before = await at.log.cursor();
  for (let i = 1; i <= EVENTS; i++) {
    const text = i % 2 === 0 ? "x".repeat(LARGE) : randomBytes(LARGE / 2).toString("hex");
    await commit(at.database, taskEvent("alpha", `TASK-${i}`, { text }));
  }
  await at.log.cursor();
  return { ...at, before };
}

type LargeLog = Awaited<ReturnType<typeof startLargeLog>>;

const numbers = (events: readonly { readonly number: number }[]) => events.map(({ number }) => number);
const all = Array.from({ length: EVENTS }, (_, i) => i + 1);

/** Histories bring something of each, and go on from their cursors. */
async function expectHistories({ log }: LargeLog) {
  const ids = ["TASK-1", "TASK-2", "TASK-3"];
  const subjects = ids.map((id) => ({ projectId: "alpha", id }));
  for (const direction of ["ASC", "DESC"] as const) {
    const query = { after: null, first: 100, direction };
    const read: number[] = [];
    for (let after: string | null = null, ended = false; !ended; ) {
      const [page] = await log.historiesOfProjects(["alpha"], { ...query, after });
      expect(page?.events).not.toEqual([]);
      if (after === null)
        expect([page?.events.length, page?.caughtUp]).toEqual([expect.toSatisfy((n: number) => n < 20), false]);
      read.push(...numbers(page?.events ?? []));
      after = page?.cursor ?? null;
      ended = page?.caughtUp ?? true;
    }
    expect(read).toEqual(direction === "ASC" ? all : all.toReversed());
    const each = await log.histories("task", subjects, query);
    expect(each.map(({ events, caughtUp }) => [numbers(events), caughtUp])).toEqual([1, 2, 3].map((n) => [[n], true]));
    // Without their payloads none is large.
    const [bare] = await log.historiesOfProjects(["alpha"], { ...query, payload: false });
    expect([bare?.events.length, bare?.caughtUp]).toEqual([EVENTS, true]);
  }
}

/** A reader far behind gets each once. */
async function expectReaderFarBehind({ database, log, before, another }: LargeLog) {
  const largest = { statement: 0 };
  const db: Db = {
    ...database,
    async read<Row>(...query: Parameters<Db["read"]>) {
      const rows = await database.read<Row & { payload?: string | null }>(...query);
      const size = rows.reduce((sum, row) => sum + (row.payload?.length ?? 0), 0);
      largest.statement = Math.max(largest.statement, size);
      return rows;
    },
  };
  const until = await readHead(database);
  const read: number[] = [];
  for (let after = (await placeAt(database, 0)) ?? null; !after || after.position < until.position; ) {
    const page = await readPage(db, new ManualClock(), EVERYTHING, { after, until, limit: 1_000 });
    expect(page.events.length).toBeGreaterThan(0);
    read.push(...numbers(page.events));
    after = page.place;
  }
  expect(read).toEqual(all);
  expect(largest.statement).toBeLessThan(20 * LARGE);

  // A process that has none of them at hand.
  const other = await another();
  const stream = await other.log.follow(ADMIN, { filter: {}, after: before });
  expect(numbers((await takeEvents(stream, EVENTS)).flatMap(({ events }) => events))).toEqual(all);
  await stream.return?.();
  expect(log.streams).toBe(0);
}

test("large events come in bounded bites, each once, to histories and to a reader far behind", async () => {
  const large = await startLargeLog();
  await expectHistories(large);
  await expectReaderFarBehind(large);
});

test("a sink whose place is of another log begins anew, and goes on from there", async () => {
  const { database, owner } = await startLog();
  for (let i = 0; i < 3; i++)
    await commit(database, ...Array.from({ length: 50 }, (_, j) => taskEvent("alpha", `TASK-${j}`)));
  await owner.query("SELECT drain()");
  await owner.query(
    "INSERT INTO log_readers (reader, position, hash) VALUES ('test', 100, decode('0102030405060708', 'hex'))",
  );
  const taken: number[] = [];
  const sink = {
    reader: "test",
    selection: EVERYTHING,
    take: async (events: []) => void taken.push(...numbers(events)),
  };
  while (await pump(database, new ManualClock(), silent, sink));
  expect(taken).toEqual(Array.from({ length: 150 }, (_, i) => i + 1));
});
