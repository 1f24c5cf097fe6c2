import { expect, it, vi } from "vitest";
import type { TaskFilter } from "../../src/tasks/filter.ts";
import { listTasks } from "../../src/tasks/list.ts";
import { statusCounts } from "../../src/tasks/status-counts.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const ids = async (t: VerbTest, filter: TaskFilter, viewer = {}) =>
  (await listTasks(t.as(viewer), { filter })).edges.map(({ node }) => `${node.projectId}/${node.taskId}`);

it.each<[string, TaskFilter, string[]]>([
  ["a status", { status: { in: ["completed"] } }, ["alpha/TASK-002"]],
  ["projects", { projects: ["beta"] }, ["beta/TASK-001"]],
  ["a kind", { kind: { eq: "research" } }, ["alpha/TASK-003"]],
  ["a label", { labels: { contains: "db" } }, ["alpha/TASK-001"]],
  ["any of some labels", { labels: { in: ["db", "ui"] } }, ["alpha/TASK-003", "alpha/TASK-001"]],
  ["a priority", { priority: { lt: 2 } }, ["alpha/TASK-003"]],
  ["priorities", { priority: { in: [1, 9] } }, ["alpha/TASK-003"]],
  ["every word of a text, whatever the case", { text: "hls-007 GENERATE" }, ["alpha/TASK-001"]],
  ["a text with wildcards of LIKE taken as they are", { text: "100%" }, ["alpha/TASK-003"]],
  ["readiness", { ready: true, projects: ["alpha"] }, ["alpha/TASK-001"]],
  ["no readiness", { ready: false }, ["alpha/TASK-003", "alpha/TASK-002"]],
  ["a holder", { claimedBy: { contains: "ANN" } }, ["alpha/TASK-003"]],
  ["no holder", { claimedBy: { null: true }, projects: ["beta"] }, ["beta/TASK-001"]],
  ["a due date from now", { dueDate: { lt: "P2D" } }, ["alpha/TASK-001"]],
  ["a due date by an instant", { dueDate: { gte: "2000-01-01T00:00:00Z" } }, ["alpha/TASK-001"]],
  ["a change within the last hour", { updatedAt: { gt: "-PT1H" }, projects: ["beta"] }, ["beta/TASK-001"]],
  ["alternatives", { or: [{ projects: ["beta"] }, { priority: { eq: 1 } }] }, ["alpha/TASK-003", "beta/TASK-001"]],
  ["all of several", { and: [{ projects: ["alpha"] }, { labels: { contains: "ui" } }] }, ["alpha/TASK-003"]],
  ["no alternative at all", { or: [] }, []],
])("filters by %s", async (_name, filter, expected) => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 3);
  await seedTasks(t, "beta", 1);
  await t.owner.query(`UPDATE tasks SET description = 'Generate HLS-007', labels = '{db}', due_date = now() + interval '1 day'
    WHERE project_id = 'alpha' AND task_id = 'TASK-001'`);
  await t.owner.query("UPDATE tasks SET status = 'completed' WHERE task_id = 'TASK-002'");
  await t.owner.query(`UPDATE tasks SET priority = 1, kind = 'research', labels = '{ui}', status = 'in_progress',
    claimed_by = 'anna', context_notes = 'at 100% of it' WHERE task_id = 'TASK-003'`);
  expect(await ids(t, filter)).toEqual(expected);
});

const ORDERS = [
  "queue",
  "createdAt",
  "updatedAt",
  "startedAt",
  "completedAt",
  "dueDate",
  "leaseExpiresAt",
  "attemptCount",
] as const;

it.each(ORDERS.flatMap((field) => [{ field, direction: "ASC" } as const, { field, direction: "DESC" } as const]))(
  "pages through the order $field $direction forward and backward without skipping or repeating",
  async (orderBy) => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 7);
    await t.owner.query(
      `UPDATE tasks SET priority = queue_position / 1000000 % 3, attempts = queue_position / 1000000 % 2,
         due_date = CASE WHEN queue_position / 1000000 % 2 = 0 THEN now() END,
         started_at = CASE WHEN queue_position / 1000000 % 3 = 0 THEN now() - make_interval(secs => queue_position / 1000000) END,
         status = CASE queue_position / 1000000 % 4 WHEN 1 THEN 'completed' WHEN 2 THEN 'in_progress' ELSE 'pending' END`,
    );
    const all = (await listTasks(t.as(), { orderBy, first: 100 })).edges.map(({ node }) => node.taskId);
    const forward: string[] = [];
    let after: string | null = null;
    do {
      const page = await listTasks(t.as(), { orderBy, first: 3, after });
      forward.push(...page.edges.map(({ node }) => node.taskId));
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    } while (after !== null);
    expect(forward).toEqual(all);
    const last = await listTasks(t.as(), { orderBy, last: 3 });
    expect(last.edges.map(({ node }) => node.taskId)).toEqual(all.slice(-3));
    const before = await listTasks(t.as(), { orderBy, last: 3, before: last.pageInfo.startCursor });
    expect(before.edges.map(({ node }) => node.taskId)).toEqual(all.slice(-6, -3));
    expect(before.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
  },
);

it("lists what waits in several projects as one queue, page by page", async () => {
  const t = await verbTest();
  for (const project of ["alpha", "beta", "gamma"]) await seedTasks(t, project, 4);
  await t.owner.query("UPDATE tasks SET priority = queue_position / 1000000 % 3");
  await t.owner.query("UPDATE tasks SET status = 'completed' WHERE task_id = 'TASK-004'");
  await t.owner.query("UPDATE projects SET archived_at = now() WHERE project_id = 'gamma'");
  const waits = { status: { eq: "pending" } };
  for (const [filter, projects, viewer] of [
    [waits, ["alpha", "beta"], {}],
    [waits, ["beta"], { projectIds: ["beta", "gamma"] }],
    [{ ...waits, projects: ["alpha", "gamma", "alpha"] }, ["alpha", "gamma"], {}],
    [{ ...waits, priority: { lt: 2 } }, ["alpha", "beta"], {}],
    [{ ...waits, projects: [] }, [], {}],
  ] as const) {
    const { rows } = await t.owner.query<{ id: string }>(
      `SELECT project_id || '/' || task_id AS id FROM tasks
       WHERE project_id = ANY ($1) AND status = 'pending' AND priority < $2 ORDER BY priority, queue_position`,
      [projects, "priority" in filter ? 2 : 10],
    );
    const expected = rows.map(({ id }) => id);
    const found: string[] = [];
    let after: string | null = null;
    do {
      const page = await listTasks(t.as(viewer), { filter, first: 2, after });
      expect(await page.totalCount()).toBe(expected.length);
      found.push(...page.edges.map(({ node }) => `${node.projectId}/${node.taskId}`));
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    } while (after !== null);
    expect(found).toEqual(expected);
    const last = await listTasks(t.as(viewer), { filter, last: 3 });
    expect(last.edges.map(({ node }) => `${node.projectId}/${node.taskId}`)).toEqual(expected.slice(-3));
  }
});

it.each<[TaskFilter, boolean]>([
  [{ projects: ["alpha"], status: { eq: "completed" } }, true],
  [{ projects: ["alpha", "beta"], status: { eq: "completed" } }, false],
  [{ status: { eq: "completed" } }, false],
  [{ projects: ["alpha", "beta"], status: { eq: "pending" } }, true],
  [{ projects: ["alpha"], text: "rare" }, false],
])("prepares the list of %j only where one plan is good for all values: %s", async (filter, expected) => {
  const t = await verbTest();
  for (const project of ["alpha", "beta"]) await seedTasks(t, project, 1);
  const ctx = t.as();
  const read = vi.spyOn(ctx.db, "read");
  for (let i = 0; i < 3; i++) await listTasks(ctx, { filter });
  const lists = read.mock.calls
    .map(([statement]) => statement)
    .filter((statement) => JSON.stringify(statement).includes("cursorKey"));
  expect(lists.map((statement) => typeof statement === "object").at(-1)).toBe(expected);
});

it("counts in all only what fits the filter", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 5);
  await seedTasks(t, "beta", 2);
  const page = await listTasks(t.as(), { filter: { projects: ["alpha"] }, first: 1 });
  expect(page.edges).toHaveLength(1);
  expect(await page.totalCount()).toBe(5);
});

it.each<[string, Parameters<typeof listTasks>[1], RegExp]>([
  ["a page of more than 100", { first: 101 }, /0 to 100/],
  ["both directions at once", { first: 1, last: 1 }, /not both/],
  ["a cursor that is none", { after: "xyz" }, /does not belong/],
  ["a bad instant", { filter: { updatedAt: { gt: "yesterday" } } }, /neither an instant/],
])("refuses %s and says what to do", async (_name, input, message) => {
  const t = await verbTest();
  await expect(listTasks(t.as(), input)).rejects.toMatchObject({
    code: "BAD_USER_INPUT",
    message: expect.stringMatching(message),
  });
});

it("refuses the cursor of another order", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  const { pageInfo } = await listTasks(t.as(), { first: 1, orderBy: { field: "createdAt", direction: "DESC" } });
  await expect(
    listTasks(t.as(), { first: 1, orderBy: { field: "createdAt", direction: "ASC" }, after: pageInfo.endCursor }),
  ).rejects.toThrow(/does not belong/);
});

it("shows a limited viewer nothing of other projects, and answers alike for foreign and unknown ones", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await seedTasks(t, "beta", 1);
  const limited = { projectIds: ["alpha"] };
  expect(await ids(t, {}, limited)).toEqual(["alpha/TASK-001"]);
  expect(await (await listTasks(t.as(limited), {})).totalCount()).toBe(1);
  for (const projects of [["beta"], ["nowhere"]])
    for (const filter of [{ projects }, { or: [{ projects }] }])
      await expect(ids(t, filter, limited)).rejects.toMatchObject({
        code: "PROJECT_NOT_FOUND",
        message: expect.stringContaining(`Project ${projects[0]} not found`),
      });
  await expect(ids(t, { projects: ["nowhere"] })).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
});

it("counts every status, also of many projects and of none", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 3);
  await seedTasks(t, "beta", 1);
  await t.owner.query("UPDATE tasks SET status = 'completed' WHERE task_id = 'TASK-002'");
  const counts = (pending: number, completed: number) => [
    { status: "pending", count: pending },
    { status: "in_progress", count: 0 },
    { status: "completed", count: completed },
  ];
  expect(await statusCounts(t.as(), null)).toEqual(counts(3, 1));
  expect(await statusCounts(t.as(), ["beta"])).toEqual(counts(1, 0));
  expect(await statusCounts(t.as({ projectIds: ["beta"] }), null)).toEqual(counts(1, 0));
});
