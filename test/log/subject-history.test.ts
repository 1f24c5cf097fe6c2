import { expect, test } from "vitest";
import type { Viewer } from "../../src/access/viewer.ts";
import { ADMIN, commit, startLog, takeEvents, taskEvent } from "./test-log.ts";

const OF_ALPHA = { projectId: "alpha", id: "TASK-001" };
const OF_BETA = { projectId: "beta", id: "TASK-001" };
const FROM_THE_START = { after: null, first: 100 };

test("answers a page for each task in the order asked, its caller's last write included", async () => {
  const { database, log } = await startLog({ settings: { drainDelayMs: 60_000, drainIntervalMs: 60_000 } });
  await commit(database, taskEvent("alpha", "TASK-001"), taskEvent("beta", "TASK-001"), taskEvent("alpha", "TASK-002"));
  // The same id names something else: it is no event of the task.
  const reservation = { ...taskEvent("alpha", "TASK-001"), subjectType: "reservation" as const };
  await commit(database, reservation, taskEvent("alpha", "TASK-001"));
  const never = { projectId: "alpha", id: "TASK-999" };
  const pages = await log.histories("task", [OF_BETA, never, OF_ALPHA], FROM_THE_START);
  expect(pages.map(({ events }) => events.map(({ projectId, number }) => `${projectId} ${number}`))).toEqual([
    ["beta 1"],
    [],
    ["alpha 1", "alpha 4"],
  ]);
  const cursor = await log.cursor();
  expect(pages.map((page) => [page.cursor, page.caughtUp])).toEqual(Array(3).fill([cursor, true]));
});

test("refuses a page of no or of more than 100 events, and a cursor of another log", async () => {
  const { log } = await startLog();
  for (const first of [0, 101, 1.5])
    await expect(log.histories("task", [OF_ALPHA], { after: null, first })).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
    });
  const other = await startLog();
  await commit(other.database, taskEvent("alpha", "TASK-001"));
  const after = await other.log.cursor();
  await expect(log.histories("task", [OF_ALPHA], { after, first: 1 })).rejects.toMatchObject({
    code: "CURSOR_EXPIRED",
  });
});

test("answers the history of any noun, of a project's or of the server's own", async () => {
  const { database, log } = await startLog();
  const webhook = { ...taskEvent("alpha", "x"), projectId: null, subjectType: "webhook" as const, subjectId: "w1" };
  const reservation = { ...taskEvent("alpha", "r1"), subjectType: "reservation" as const };
  await commit(database, webhook, reservation, taskEvent("alpha", "r1"), { ...webhook, subjectId: "w2" }, webhook);
  const told = async (type: string, projectId: string | null, id: string) => {
    const [page] = await log.histories(type, [{ projectId, id }], FROM_THE_START);
    return page?.events.map((event) => [event.projectId, event.subjectType, event.number]);
  };
  expect(await told("webhook", null, "w1")).toEqual([
    [null, "webhook", 1],
    [null, "webhook", 3],
  ]);
  expect(await told("reservation", "alpha", "r1")).toEqual([["alpha", "reservation", 1]]);

  const filter = { subjects: [{ type: "webhook", ids: ["w1"] }] };
  const seen = async (viewer: Viewer) => (await log.events(viewer, { filter, after: null, first: 10 })).events.length;
  expect([await seen(ADMIN), await seen({ ...ADMIN, role: "reader" })]).toEqual([2, 0]);
});

test("takes what an event names beside its subject for a reservation it is about, in pages and streams alike", async () => {
  const { database, log } = await startLog();
  const after = await log.cursor();
  const naming = (...reservationIds: string[]) => ({ ...taskEvent("alpha", "TASK-001"), payload: { reservationIds } });
  const own = { ...taskEvent("alpha", "r1"), subjectType: "reservation" as const, payload: { reservationIds: ["r2"] } };
  // Whatever another project's events name, it is not told as alpha's.
  const foreign = { ...naming("r1"), projectId: "beta" };
  await commit(database, naming("r1", "r3"), own, naming("r3"), foreign, taskEvent("alpha", "TASK-001"));
  const numbers = (events: readonly { projectId: string | null; number: number }[] = []) =>
    events.map(({ projectId, number }) => `${projectId} ${number}`);
  const [r1, r2] = await log.histories(
    "reservation",
    ["r1", "r2"].map((id) => ({ projectId: "alpha", id })),
    { ...FROM_THE_START, payload: false },
  );
  expect([numbers(r1?.events), numbers(r2?.events)]).toEqual([["alpha 1", "alpha 2"], ["alpha 2"]]);
  const [task] = await log.histories("task", [{ projectId: "alpha", id: "r1" }], FROM_THE_START);
  expect(task?.events).toEqual([]);

  const filter = { projects: ["alpha"], subjects: [{ type: "reservation", ids: ["r1", "r2"] }] };
  const page = await log.events(ADMIN, { filter, after, first: 10 });
  expect(numbers(page.events)).toEqual(["alpha 1", "alpha 2"]);
  const streamed = async (from: string | null, enough: number, change?: () => Promise<void>) => {
    const stream = await log.follow(ADMIN, { filter, after: from });
    await change?.();
    const frames = await takeEvents(stream, enough);
    await stream.return?.();
    return numbers(frames.flatMap(({ events }) => events));
  };
  expect(await streamed(after, 2)).toEqual(["alpha 1", "alpha 2"]);
  expect(await streamed(null, 1, () => commit(database, naming("r3"), naming("r2")))).toEqual(["alpha 6"]);
});
