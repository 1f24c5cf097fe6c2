import { expect, test } from "vitest";
import { commit, startLog, taskEvent } from "./test-log.ts";

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
