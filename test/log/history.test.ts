import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { Viewer } from "../../src/access/viewer.ts";
import { ADMIN, commit, commitAs, startLog, takeEvents, taskEvent } from "./test-log.ts";

const limitedTo = (...projectIds: string[]): Viewer => ({ ...ADMIN, actor: "limited", projectIds });

test("reads its own writes, page by page, to the end of the log", async () => {
  const { database, log } = await startLog({ settings: { drainDelayMs: 60_000, drainIntervalMs: 60_000 } });
  const events = Array.from({ length: 250 }, (_, i) => taskEvent("alpha", `TASK-${i}`));
  await commit(database, ...events);
  const seen: number[] = [];
  let after: string | null = null;
  const pages: [number, boolean][] = [];
  do {
    const page = await log.events(ADMIN, { filter: {}, after, first: 100 });
    seen.push(...page.events.map(({ number }) => number));
    pages.push([page.events.length, page.caughtUp]);
    after = page.cursor;
  } while (pages.at(-1)?.[1] === false);
  expect(pages).toEqual([
    [100, false],
    [100, false],
    [50, true],
  ]);
  expect(seen).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
});

test("answers the place scanned to when nothing matched", async () => {
  const { database, log } = await startLog();
  await commit(database, taskEvent("alpha", "TASK-001"));
  const page = await log.events(ADMIN, { filter: { types: ["task.completed"] }, after: null, first: 10 });
  expect(page).toMatchObject({ events: [], caughtUp: true, cursor: await log.cursor() });
  await commit(database, taskEvent("alpha", "TASK-002"));
  const next = await log.events(ADMIN, { filter: {}, after: page.cursor, first: 10 });
  expect(next.events.map(({ subjectId }) => subjectId)).toEqual(["TASK-002"]);
});

test("filters by project, type, task and actor together", async () => {
  const { database, log } = await startLog();
  const other = { ...ADMIN, actor: "other" };
  await commit(database, taskEvent("alpha", "TASK-001"), taskEvent("beta", "TASK-001"));
  await commitAs(database, other, taskEvent("alpha", "TASK-001"), taskEvent("alpha", "TASK-002"));
  await commitAs(database, other, { ...taskEvent("beta", "TASK-002"), type: "task.completed" });
  const numbers = async (filter: Parameters<typeof log.events>[1]["filter"], viewer = ADMIN) => {
    const { events } = await log.events(viewer, { filter, after: null, first: 100 });
    return events.map(({ projectId, number }) => `${projectId} ${number}`);
  };
  expect(await numbers({ subjects: [{ type: "task", ids: ["TASK-001"] }] })).toEqual(["alpha 1", "beta 1", "alpha 2"]);
  expect(
    await numbers({ projects: ["alpha"], subjects: [{ type: "task", ids: ["TASK-001"] }], actors: ["other"] }),
  ).toEqual(["alpha 2"]);
  expect(await numbers({ types: ["task.completed"] })).toEqual(["beta 2"]);
  expect(await numbers({ projects: ["beta"] })).toEqual(["beta 1", "beta 2"]);
  expect(await numbers({ subjects: [{ type: "task", ids: ["TASK-002"] }] }, limitedTo("alpha"))).toEqual(["alpha 3"]);
});

test("shows a limited key nothing of other projects or of the server, in pages and streams", async () => {
  const { database, log } = await startLog();
  const limited = limitedTo("alpha");
  const stream = await log.follow(limited, { filter: {}, after: null });
  const status = await log.watchProjects(limited, null);
  expect((await status.next()).value?.projectIds).toEqual(["alpha"]);
  await commit(database, taskEvent("beta", "TASK-001"), { ...taskEvent("beta", "x"), projectId: null });
  await commit(database, taskEvent("alpha", "TASK-001"));
  const frames = await takeEvents(stream, 1);
  expect(frames.flatMap(({ events }) => events.map(({ projectId }) => projectId))).toEqual(["alpha"]);
  expect((await status.next()).value?.projectIds).toEqual(["alpha"]);
  const page = await log.events(limited, { filter: {}, after: null, first: 100 });
  expect(page.events.map(({ projectId, number }) => [projectId, number])).toEqual([["alpha", 1]]);
  const all = await log.events(ADMIN, { filter: {}, after: null, first: 100 });
  expect(all.events.map(({ projectId }) => projectId)).toEqual(["beta", null, "alpha"]);
  const reader = await log.events({ ...ADMIN, role: "reader" }, { filter: {}, after: null, first: 100 });
  expect(reader.events.map(({ projectId }) => projectId)).toEqual(["beta", "alpha"]);

  for (const projects of [["beta"], ["nowhere"], ["alpha", "beta"], ["_server"]]) {
    const refused = { code: "PROJECT_NOT_FOUND" };
    await expect(log.events(limited, { filter: { projects }, after: null, first: 1 })).rejects.toMatchObject(refused);
    await expect(log.follow(limited, { filter: { projects }, after: null })).rejects.toMatchObject(refused);
    await expect(log.watchProjects(limited, projects)).rejects.toMatchObject(refused);
  }
  expect(log.streams).toBe(2);
});

test("delivers a project created later to an unlimited key at once", async () => {
  const { database, log } = await startLog();
  const stream = await log.follow({ ...ADMIN, role: "reader" }, { filter: {}, after: null });
  await commit(database, taskEvent("gamma", "TASK-001"));
  expect((await takeEvents(stream, 1)).at(-1)?.events[0]?.projectId).toBe("gamma");
});

test("refuses cursors that were changed, invented, or come from another database", async () => {
  const { database, log } = await startLog();
  const other = await startLog();
  await commit(database, taskEvent("alpha", "TASK-001"));
  await commit(other.database, taskEvent("alpha", "TASK-001"));
  const cursor = await log.cursor();
  expect(cursor).toMatch(/^[\w-]{22}$/);
  const after = (given: string) => log.events(ADMIN, { filter: {}, after: given, first: 1 });
  await expect(after(cursor)).resolves.toMatchObject({ events: [], caughtUp: true });
  for (const garbage of ["", "x", `${cursor}A`, cursor.slice(1), `${cursor.slice(0, 21)}B`, "ä".repeat(22)])
    await expect(after(garbage)).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  const flipped = (cursor.startsWith("A") ? "B" : "A") + cursor.slice(1);
  const invented = Array.from({ length: 20 }, () => randomBytes(16).toString("base64url"));
  for (const foreign of [flipped, await other.log.cursor(), ...invented])
    await expect(after(foreign)).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
});

test("refuses a page of more than 100 and a filter that can match nothing", async () => {
  const { log } = await startLog();
  for (const first of [0, 101, -1])
    await expect(log.events(ADMIN, { filter: {}, after: null, first })).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
    });
  const refused = log.follow(ADMIN, { filter: { types: [] }, after: null });
  await expect(refused).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
});
