import { describe, expect, it } from "vitest";
import { listReservations } from "../../src/ids/reservations.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { completeAndClaimNext } from "../../src/tasks/complete-and-claim-next.ts";
import type { TaskFilter } from "../../src/tasks/filter.ts";
import { listTasks, QUEUE } from "../../src/tasks/list.ts";
import { releaseTask } from "../../src/tasks/release.ts";
import { renewTaskLease } from "../../src/tasks/renew-lease.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const refused = (message: RegExp) => ({ code: "BAD_USER_INPUT", message: expect.stringMatching(message) });
const HALF = "half \ud83d of a pair";
const NUL = "a\0b";
const taskId = "TASK-001";

describe("a date in a filter", () => {
  it.each([
    "2026-02-31",
    "2026-02-29T00:00:00Z",
    "2026-13-01",
    "0000-01-01",
    "2026-03-01T25:00:00Z",
    "2026-03-01T09:00:00+18:00",
    "2026-03-01T09:00:00",
    `2026-03-01T09:00:00.${"1".repeat(200)}Z`,
    "P99999999999Y",
    "-P300000Y",
    "P",
    "PT",
    "P1DT",
  ])("is refused when PostgreSQL would refuse it: %s", async (given) => {
    const t = await verbTest();
    await expect(listTasks(t.as(), { filter: { updatedAt: { gt: given } } })).rejects.toMatchObject(
      refused(/neither an instant/),
    );
  });

  it("may lie anywhere between the first year and the longest duration from now", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 1);
    await t.owner.query("UPDATE tasks SET due_date = now()");
    const longest = "P990Y11M3W31DT23H59M59.999S";
    for (const past of [`-${longest}`, "0001-01-01T00:00:00+15:59", "2024-02-29", "-PT90M", "-P1Y2M3W4DT5H6M7S"])
      expect((await listTasks(t.as(), { filter: { updatedAt: { gt: past } } })).edges, past).toHaveLength(1);
    for (const future of [longest, `+${longest}`, "9999-12-31T23:59:59.999999999-15:59", "9999-12-31T24:00Z"])
      expect((await listTasks(t.as(), { filter: { dueDate: { lt: future } } })).edges, future).toHaveLength(1);
  });
});

describe("a filter", () => {
  const nested = (levels: number): TaskFilter =>
    levels === 1 ? { ready: true } : { and: [{ or: [] }, nested(levels - 1)] };
  const deep = (levels: number) => {
    let filter: TaskFilter = {};
    for (let level = 1; level < levels; level++) filter = { or: [filter] };
    return filter;
  };
  const words = (count: number) => Array.from({ length: count }, () => "w").join(" ");

  it.each<[string, TaskFilter, RegExp]>([
    ["nested eleven levels deep", nested(11), /more than 10 levels deep/],
    ["nested thousands deep", deep(100_000), /more than 10 levels deep/],
    ["of tens of thousands of alternatives", { or: Array.from({ length: 70_000 }, () => ({})) }, /more than 500 cond/],
    ["of too many words", { text: words(501) }, /more than 500 conditions.*Use in/],
    ["of too many words in all", { and: [{ text: words(300) }, { text: words(300) }] }, /more than 500 conditions/],
  ])("%s is refused with what to do instead", async (_what, filter, message) => {
    const t = await verbTest();
    await expect(listTasks(t.as(), { filter })).rejects.toMatchObject(refused(message));
  });

  it("within its limits is answered, and numbers beyond a column's type find nothing", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 1);
    const many = Array.from({ length: 499 }, (_, i) => ({ priority: { eq: 99_999 + i } }));
    expect((await listTasks(t.as(), { filter: { or: many } })).edges).toEqual([]);
    expect((await listTasks(t.as(), { filter: deep(10) })).edges).toHaveLength(1);
    expect((await listTasks(t.as(), { filter: { text: words(500) } })).edges).toHaveLength(1);
  });
});

describe("a forged cursor", () => {
  const cursor = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString("base64url");

  it.each([
    [QUEUE, cursor("tasks.queue.ASC", "x", "y")],
    [QUEUE, cursor("tasks.queue.ASC", "40000", "1")],
    [QUEUE, cursor("tasks.queue.ASC", "1", "9223372036854775808")],
    [QUEUE, cursor("tasks.queue.ASC", "1", "1e3")],
    [QUEUE, cursor("tasks.queue.ASC", 1, 1)],
    [{ field: "createdAt", direction: "DESC" }, cursor("tasks.createdAt.DESC", "2026-02-31 00:00:00+00", "1")],
    [{ field: "createdAt", direction: "DESC" }, cursor("tasks.createdAt.DESC", "294277-01-01 00:00:00+00", "1")],
    [{ field: "createdAt", direction: "DESC" }, cursor("tasks.createdAt.DESC", "yesterday", "1")],
  ] as const)("of the order %o is refused as every other cursor that is none: %s", async (orderBy, after) => {
    const t = await verbTest();
    await expect(listTasks(t.as(), { orderBy, after })).rejects.toMatchObject(refused(/cursor does not belong/));
  });

  it("of reservations is refused for what is no UUID", async () => {
    const t = await verbTest();
    const after = cursor("reservations.reservedAt.DESC", "2026-03-01 09:00:00.5+00", "x");
    await expect(listReservations(t.as(), { after })).rejects.toMatchObject(refused(/cursor does not belong/));
  });

  it("does not stop a page behind a due date that plain SQL put far away", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 2);
    await t.owner.query("UPDATE tasks SET due_date = '12028-02-29 09:00:00.25+00'");
    const { pageInfo } = await listTasks(t.as(), { orderBy: { field: "dueDate", direction: "ASC" }, first: 1 });
    const { edges } = await listTasks(t.as(), {
      orderBy: { field: "dueDate", direction: "ASC" },
      first: 1,
      after: pageInfo.endCursor,
    });
    expect(edges.map(({ node }) => node.taskId)).toEqual(["TASK-002"]);
  });
});

describe("text that PostgreSQL cannot store", () => {
  it.each<[string, object]>([
    ["title", { title: HALF }],
    ["description", { description: NUL }],
    ["labels\\[0\\]", { labels: [HALF] }],
    ["inputs\\[0\\]", { inputs: [NUL] }],
    ["contextNotes", { contextNotes: HALF }],
    ["metadata", { metadata: { deep: [{ [HALF]: 1 }] } }],
    ["metadata", { metadata: { deep: [NUL] } }],
    ["branchName", { branchName: HALF }],
  ])("is refused in %s of a new and of a known task", async (field, fields) => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 1);
    const added = addTasks(t.as(), { projectId: "alpha", tasks: [{ description: "a", ...fields }] });
    await expect(added).rejects.toMatchObject(refused(new RegExp(`^tasks\\[0\\]\\.${field}: .*cannot be stored`)));
    await expect(updateTask(t.as(), { taskId, ...fields })).rejects.toMatchObject(
      refused(new RegExp(`^${field}: .*cannot be stored`)),
    );
  });

  it.each<[string, object, RegExp]>([
    ["generator", { generator: HALF }, /generatorName: .*cannot be stored/],
    ["a long generator", { generator: "x".repeat(51) }, /generatorName: /],
    ["parentId", { parentId: NUL }, /inputs\[0\]: .*cannot be stored/],
    ["artifactId", { artifactId: `HLS-00${HALF}` }, /is not an artifact ID/],
    ["taskId", { taskId: NUL }, /is not an artifact ID/],
  ])("is refused in the older form's %s", async (_field, fields, message) => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 0);
    const added = addTasks(t.as(), { projectId: "alpha", tasks: [{ description: "a", ...fields }] });
    await expect(added).rejects.toMatchObject(refused(message));
  });
});

describe("what a worker says", () => {
  const nested = (levels: number) => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`);

  it.each<[string, (t: VerbTest) => Promise<unknown>, RegExp]>([
    [
      "a long worker",
      (t) => claimNextTask(t.as(), { projectId: "alpha", worker: "w".repeat(101) }),
      /worker has 101 char/,
    ],
    [
      "a long worker of a given task",
      (t) => updateTaskStatus(t.as(), { taskId, status: "in_progress", worker: "w".repeat(101) }),
      /worker has 101 characters; 100 at most/,
    ],
    [
      "a long worker of a new task",
      (t) => addTasks(t.as(), { projectId: "alpha", worker: "w".repeat(101), tasks: [{ description: "a" }] }),
      /worker has 101/,
    ],
    [
      "a worker of half a pair",
      (t) => claimNextTask(t.as(), { projectId: "alpha", worker: HALF }),
      /worker contains char/,
    ],
    ["a lease of nothing", (t) => claimNextTask(t.as(), { projectId: "alpha", leaseSeconds: 0 }), /leaseSeconds is 0/],
    ["long notes", (t) => releaseTask(t.as(), { taskId, notes: "n".repeat(100_001) }), /^notes has 100001 characters/],
    ["notes of half a pair", (t) => releaseTask(t.as(), { taskId, notes: HALF }), /^notes contains characters/],
    [
      "long notes with PENDING",
      (t) => updateTaskStatus(t.as(), { taskId, status: "pending", completionNotes: "n".repeat(100_001) }),
      /completionNotes has 100001 characters; 100000 at most/,
    ],
    [
      "long notes with the next claim",
      (t) => completeAndClaimNext(t.as(), { taskId, completionNotes: "n".repeat(100_001) }),
      /completionNotes has 100001/,
    ],
    [
      "a large checkpoint",
      (t) => renewTaskLease(t.as(), { taskId, checkpoint: { text: "é".repeat(32_768) } }),
      /checkpoint has 65547 bytes as JSON; 65536 at most/,
    ],
    [
      "a large last checkpoint",
      (t) => releaseTask(t.as(), { taskId, checkpoint: "x".repeat(65_536) }),
      /checkpoint has 65538 bytes/,
    ],
    [
      "a checkpoint of U+0000",
      (t) => renewTaskLease(t.as(), { taskId, checkpoint: [NUL] }),
      /checkpoint contains char/,
    ],
    [
      "a deep checkpoint",
      (t) => renewTaskLease(t.as(), { taskId, checkpoint: nested(101) }),
      /more than 100 levels deep/,
    ],
  ])("is refused with its limit: %s", async (_what, act, message) => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 1);
    await expect(act(t)).rejects.toMatchObject(refused(message));
    expect(await t.events()).toEqual([]);
  });

  it("is kept whole up to its limit", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 1);
    await claimNextTask(t.as(), { projectId: "alpha", worker: "w".repeat(100) });
    await renewTaskLease(t.as(), { taskId, checkpoint: nested(100) });
    await releaseTask(t.as(), { taskId, notes: "😀".repeat(50_000), checkpoint: "x".repeat(65_534) });
    const { rows } = await t.owner.query(
      "SELECT length(worker) AS worker, length(notes) AS notes, length(checkpoint #>> '{}') AS checkpoint FROM task_attempts",
    );
    expect(rows).toEqual([{ worker: 100, notes: 50_000, checkpoint: 65_534 }]);
  });
});
