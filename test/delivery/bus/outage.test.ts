import { expect, it, onTestFinished } from "vitest";
import { ADMIN, commit, startLog, takeEvents, taskEvent } from "../../log/test-log.ts";
import { eventually } from "../../support/eventually.ts";
import { makeNatsServer } from "../../support/nats-server.ts";
import {
  expectWholeLog,
  keepWriting,
  needNats,
  readerOf,
  recordingLogger,
  startSlowLine,
  startTestBus,
} from "./bus-test.ts";

needNats();

const FAILING = "Publishing to NATS fails and is tried again until it works";

it("keeps for NATS what happens while it is away at the start", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer({ away: true })];
  const logger = recordingLogger();
  await startTestBus(log, nats.url, {}, logger);
  for (let i = 0; i < 15; i++)
    await commit(log.database, ...Array.from({ length: 10 }, (_, of) => taskEvent("alpha", `TASK-${(i + of) % 2}`)));
  await eventually(() => expect(logger.lines[0]).toContain(FAILING));
  await nats.start();
  await expectWholeLog(log.owner, await readerOf(nats).messages(150));
});

it("loses and repeats nothing when NATS is restarted again and again under load, in order or by SIGKILL", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  await startTestBus(log, nats.url);
  const load = keepWriting(log.database);
  for (const signal of ["SIGKILL", "SIGTERM", "SIGKILL"] as const) {
    const before = (await eventually(() => readerOf(nats).info())).state.messages;
    await readerOf(nats).reach(before + 20);
    await nats.end(signal);
    const writtenBefore = load.committed;
    await eventually(() => expect(load.committed).toBeGreaterThan(writtenBefore + 20));
    await nats.start();
  }
  await expectWholeLog(log.owner, await readerOf(nats).messages(await load.stop()));
});

it("loses and repeats nothing when NATS hangs, and holds up neither writers nor subscribers", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  const logger = recordingLogger();
  await startTestBus(log, nats.url, {}, logger);
  const load = keepWriting(log.database);
  await readerOf(nats).reach(50);
  const stream = await log.log.follow(ADMIN, { filter: { projects: ["alpha"] }, after: null });
  onTestFinished(() => void stream.return?.());

  nats.hang();
  let mostOpen = 0;
  await eventually(async () => {
    await takeEvents(stream, 10);
    const { rows } = await log.owner.query<{ open: number }>(
      `SELECT count(*)::int AS open FROM pg_locks l JOIN pg_database d ON d.oid = l.database
       WHERE d.datname = current_database() AND l.relation = 'log_readers'::regclass AND l.mode = 'RowShareLock'`,
    );
    mostOpen = Math.max(mostOpen, rows[0]?.open ?? 0);
    expect(logger.lines).toHaveLength(1);
  });
  // One that waits for NATS, and no others behind it.
  expect(mostOpen).toBe(1);
  const writtenBefore = load.committed;
  await takeEvents(stream, 100);
  expect(load.committed).toBeGreaterThan(writtenBefore);

  nats.goOn();
  await expectWholeLog(log.owner, await readerOf(nats).messages(await load.stop()));
  expect(logger.lines.slice(1)).toEqual(["Publishing to NATS works again"]);
});

it("goes on from its place after a restart of the server", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  const first = await startTestBus(log, nats.url);
  await commit(log.database, taskEvent("alpha", "TASK-001"));
  await readerOf(nats).reach(1);
  await first.close();
  await commit(log.database, taskEvent("alpha", "TASK-001"), taskEvent("alpha", "TASK-002"));
  await startTestBus(await log.another(), nats.url);
  await expectWholeLog(log.owner, await readerOf(nats).messages(3));
});

it("gets on over a line so slow that it cannot take a batch in time", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  const logger = recordingLogger();
  await startTestBus(log, await startSlowLine(nats.url, 40), {}, logger);
  await commit(log.database, ...Array.from({ length: 100 }, (_, i) => taskEvent("alpha", "TASK-001", { i })));
  await expectWholeLog(log.owner, await readerOf(nats).messages(100));
  // Or the line was fast enough, and this shows nothing.
  expect(logger.lines[0]).toContain(FAILING);
});
