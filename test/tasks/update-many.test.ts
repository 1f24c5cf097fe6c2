import { expect, it } from "vitest";
import type { Viewer } from "../../src/access/viewer.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { MOST_TASKS } from "../../src/tasks/changeable.ts";
import type { TaskFilter } from "../../src/tasks/filter.ts";
import type { SetOfTasks } from "../../src/tasks/set-of-tasks.ts";
import { updateTasks } from "../../src/tasks/update-many.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { startTestServer } from "../support/server.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

interface More extends Partial<Viewer> {
  readonly dryRun?: boolean;
  readonly idempotencyKey?: string;
}

const ALPHA: TaskFilter = { projects: ["alpha"] };

const update = (t: VerbTest, filter: TaskFilter, set: SetOfTasks, { dryRun, idempotencyKey, ...viewer }: More = {}) =>
  updateTasks(t.as(viewer), { filter, set, dryRun, idempotencyKey });

const changed = async (...of: Parameters<typeof update>) => (await update(...of)).tasks.map(({ taskId }) => taskId);

const add = (t: VerbTest, tasks: readonly object[], projectId = "alpha") =>
  addTasks(t.as(), { projectId, createProject: true, tasks: tasks.map((task) => ({ description: "work", ...task })) });

/** The events since they were last asked for. */
function eventsOf(t: VerbTest) {
  let seen = 0;
  return async () => {
    const all = await t.events();
    const events = all.slice(seen);
    seen = all.length;
    return events;
  };
}

const columns = async ({ owner }: VerbTest, ...names: string[]) =>
  (await owner.query(`SELECT ${names.join(", ")} FROM tasks ORDER BY project_id, queue_position`)).rows.map((row) =>
    names.map((name) => row[name.split(" AS ").at(-1) ?? name]),
  );

it("changes what its filter finds, each task with its event, and leaves alone what is so already", async () => {
  const t = await verbTest();
  await add(t, [{ labels: ["old"] }, { labels: ["old"], priority: 4 }, { labels: ["new"] }]);
  const events = eventsOf(t);
  await events();
  const old: TaskFilter = { ...ALPHA, labels: { in: ["old"] } };
  const set = { priority: 4, assignedTo: "anna" };

  const dry = await update(t, old, { priority: 4 }, { dryRun: true, idempotencyKey: "k1" });
  expect(dry).toEqual({
    dryRun: true,
    matched: 2,
    tasks: [{ projectId: "alpha", taskId: "TASK-001" }],
    replayed: false,
  });
  expect(await events()).toEqual([]);
  expect(await columns(t, "priority", "version")).toEqual([
    [2, 1],
    [4, 1],
    [2, 1],
  ]);

  const done = await update(t, old, set, { idempotencyKey: "k1" });
  expect(done).toMatchObject({ dryRun: false, matched: 2, replayed: false });
  expect(await columns(t, "priority", "assigned_to", "version")).toEqual([
    [4, "anna", 2],
    [4, "anna", 2],
    [2, null, 1],
  ]);
  expect(await events()).toMatchObject([
    {
      type: "task.updated",
      subject_id: "TASK-001",
      payload: { changes: { priority: { old: 2, new: 4 }, assignedTo: { old: null, new: "anna" } } },
    },
    { type: "task.updated", subject_id: "TASK-002", payload: { changes: { assignedTo: { old: null, new: "anna" } } } },
  ]);
  expect(await update(t, old, set, { idempotencyKey: "k1" })).toEqual({ ...done, replayed: true });
  expect(await update(t, old, set)).toMatchObject({ matched: 2, tasks: [] });
  expect(await events()).toEqual([]);
  expect(await changed(t, old, { assignedTo: null })).toEqual(["TASK-001", "TASK-002"]);
});

it("replaces labels, or adds some and takes some away, fifty at most", async () => {
  const t = await verbTest();
  await add(t, [{ labels: ["a", "b"] }, { labels: ["b"] }, {}]);
  expect(await changed(t, ALPHA, { addLabels: ["c", "b"], removeLabels: ["a"] })).toHaveLength(3);
  expect(await columns(t, "labels")).toEqual([[["b", "c"]], [["b", "c"]], [["c", "b"]]]);
  expect(await changed(t, ALPHA, { removeLabels: ["x"] })).toEqual([]);
  expect(await changed(t, ALPHA, { labels: ["c", "b"] })).toEqual(["TASK-001", "TASK-002"]);
  const many = Array.from({ length: 49 }, (_, i) => `l${i}`);
  await expect(update(t, ALPHA, { addLabels: many })).rejects.toMatchObject({
    message: expect.stringContaining("alpha/TASK-001: labels: must have at most 50 entries"),
  });
  expect(await changed(t, ALPHA, { addLabels: many.slice(1) })).toHaveLength(3);
  expect(await changed(t, ALPHA, { labels: [] })).toHaveLength(3);
  for (const set of [
    { labels: ["a"], addLabels: ["b"] },
    { addLabels: ["a"], removeLabels: ["a"] },
    { addLabels: [" "] },
  ])
    await expect(update(t, ALPHA, set)).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
});

it("refuses more than a thousand tasks with their number, and changes none", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", MOST_TASKS + 1);
  for (const dryRun of [false, true])
    await expect(update(t, ALPHA, { priority: 0 }, { dryRun })).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
      details: { count: MOST_TASKS + 1 },
    });
  await t.owner.query("UPDATE tasks SET priority = 0 WHERE task_id = 'TASK-001'");
  expect(await changed(t, { ...ALPHA, priority: { ne: 0 } }, { delete: true })).toHaveLength(MOST_TASKS);
  const { rows } = await t.owner.query("SELECT task_id FROM tasks WHERE deleted_at IS NULL");
  expect(rows).toEqual([{ task_id: "TASK-001" }]);
  expect((await t.events()).length).toBe(MOST_TASKS);
});

it("wants a filter that names projects, one thing to do, and values that fit", async () => {
  const t = await verbTest();
  await add(t, [{}]);
  const set = { priority: 1 };
  for (const filter of [
    {},
    { and: [ALPHA] },
    { or: [ALPHA, {}] },
    { not: { projects: [] } },
    { archived: false },
    { projects: [] },
  ])
    await expect(update(t, filter, set)).rejects.toMatchObject({
      message: expect.stringContaining("must name the projects"),
    });
  for (const bad of [
    {},
    { unpark: false },
    { addLabels: null },
    { priority: 1, delete: true },
    { unpark: true, park: { reason: "x" } },
    { priority: 5 },
    { priority: null },
    { assignedTo: "" },
    { park: { reason: " " } },
    { dueDate: new Date(0) },
  ])
    await expect(update(t, ALPHA, bad)).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  await expect(update(t, ALPHA, set, { role: "reader" })).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(await columns(t, "version")).toEqual([[1]]);
  const due = new Date(Date.now() + 86_400_000);
  expect(await changed(t, { ...ALPHA, priority: { eq: 2 } }, { dueDate: due })).toEqual(["TASK-001"]);
  await t.pass(90_000);
  expect(await changed(t, ALPHA, { dueDate: due })).toEqual([]);
});

it("touches nothing of a project that the key does not see", async () => {
  const t = await verbTest();
  await add(t, [{}]);
  await add(t, [{}], "beta");
  const limited = { projectIds: ["alpha"] };
  for (const projectId of ["beta", "gamma"])
    await expect(update(t, { or: [{ projects: [projectId] }] }, { priority: 0 }, limited)).rejects.toMatchObject({
      code: "PROJECT_NOT_FOUND",
      details: { projectId },
    });
  expect((await update(t, { ...ALPHA, priority: { eq: 2 } }, { priority: 0 }, limited)).tasks).toMatchObject([
    { projectId: "alpha" },
  ]);
  expect(await columns(t, "project_id", "priority")).toEqual([
    ["alpha", 0],
    ["beta", 2],
  ]);
});

it("parks and unparks, and refuses to park what is completed, naming it", async () => {
  const t = await verbTest();
  await add(t, [{}, {}, {}]);
  await t.owner.query("UPDATE tasks SET status = 'completed' WHERE task_id = 'TASK-003'");
  const park = { park: { reason: "wait for the budget" } };
  await expect(update(t, ALPHA, park)).rejects.toMatchObject({
    code: "BAD_USER_INPUT",
    message: expect.stringContaining("1 of 3 tasks cannot be parked: alpha/TASK-003: it is completed"),
    details: { refusedCount: 1, refused: [{ projectId: "alpha", taskId: "TASK-003", code: "BAD_USER_INPUT" }] },
  });
  const open: TaskFilter = { ...ALPHA, status: { ne: "completed" } };
  const events = eventsOf(t);
  await events();
  expect(await changed(t, open, park)).toEqual(["TASK-001", "TASK-002"]);
  expect(await changed(t, open, park)).toEqual([]);
  expect(await events()).toMatchObject([
    { type: "task.parked", payload: { reason: "wait for the budget", changes: { parkedReason: { old: null } } } },
    { type: "task.parked" },
  ]);
  expect(await changed(t, ALPHA, { unpark: true })).toEqual(["TASK-001", "TASK-002"]);
  expect((await events()).map(({ type }) => type)).toEqual(["task.unparked", "task.unparked"]);
  expect(await columns(t, "parked_at", "parked_reason", "version")).toEqual([
    [null, null, 3],
    [null, null, 3],
    [null, null, 1],
  ]);
});

it("deletes a parent with its children, frees what waited, and leaves no open child behind", async () => {
  const t = await verbTest();
  await add(t, [
    { key: "whole", labels: ["go"] },
    { key: "part", parentKey: "whole", labels: ["go"] },
    { dependsOn: ["part"] },
    { parentKey: "whole" },
  ]);
  const go: TaskFilter = { ...ALPHA, labels: { any: ["go"] } };
  for (const dryRun of [false, true])
    await expect(update(t, go, { delete: true }, { dryRun })).rejects.toMatchObject({
      message: expect.stringContaining("alpha/TASK-001: it has open children that the filter does not find: TASK-004"),
    });
  await t.owner.query("UPDATE tasks SET labels = '{go}' WHERE task_id = 'TASK-004'");
  const events = eventsOf(t);
  await events();
  expect(await changed(t, go, { delete: true })).toEqual(["TASK-001", "TASK-002", "TASK-004"]);
  const told = await events();
  expect(told.map(({ type, subject_id }) => `${type} ${subject_id}`).sort()).toEqual([
    "task.deleted TASK-001",
    "task.deleted TASK-002",
    "task.deleted TASK-004",
    "task.unblocked TASK-003",
  ]);
  expect(told.find(({ subject_id }) => subject_id === "TASK-002")?.payload).toMatchObject({
    task: { taskId: "TASK-002", description: "work" },
    changes: { deletedAt: { old: null } },
  });
  expect(await columns(t, "deleted_at IS NULL AS left", "open_children", "open_blockers")).toEqual([
    [false, 0, 0],
    [false, 0, 0],
    [true, 0, 0],
    [false, 0, 0],
  ]);
});

it("does not delete what another session holds, but for an admin", async () => {
  const t = await verbTest();
  await add(t, [{}, {}, {}]);
  for (const [taskId, client] of [
    ["TASK-001", "other"],
    ["TASK-002", "session-1"],
  ] as const)
    await updateTaskStatus(t.as({ client }), { projectId: "alpha", taskId, status: "in_progress" });
  await expect(update(t, ALPHA, { delete: true })).rejects.toMatchObject({
    message: expect.stringMatching(/1 of 3 tasks cannot be deleted: alpha\/TASK-001: agent holds it until 20/),
    details: { refused: [{ taskId: "TASK-001", code: "LEASE_LOST" }] },
  });
  expect(await changed(t, ALPHA, { priority: 0 })).toHaveLength(3);
  const events = eventsOf(t);
  await events();
  expect(await changed(t, ALPHA, { delete: true }, { role: "admin" })).toHaveLength(3);
  expect((await events()).map(({ payload }) => payload["override"])).toEqual([true, undefined, undefined]);
  const { rows } = await t.owner.query("SELECT task_id, outcome, ended_by FROM task_attempts ORDER BY task_id");
  expect(rows).toEqual([
    { task_id: "TASK-001", outcome: "cancelled", ended_by: "dk_test0001/agent" },
    { task_id: "TASK-002", outcome: "cancelled", ended_by: null },
  ]);
});

it("leaves archived tasks out, and refuses them where they are asked for", async () => {
  const t = await verbTest();
  await add(t, [{}, {}]);
  await t.owner.query("UPDATE tasks SET status = 'completed', archived_at = now() WHERE task_id = 'TASK-001'");
  expect(await changed(t, ALPHA, { priority: 0 })).toEqual(["TASK-002"]);
  await expect(update(t, { ...ALPHA, archived: true }, { priority: 0 })).rejects.toMatchObject({
    message: expect.stringContaining("alpha/TASK-001: it was archived"),
  });
});

it("deadlocks nobody, and counts what is open, while others complete, reset and delete", async () => {
  const t = await verbTest();
  const ids = await seedTasks(t, "alpha", 30);
  await t.owner.query(`INSERT INTO task_dependencies (project_id, task_id, depends_on_project_id, depends_on_task_id, kind)
    SELECT 'alpha', 'TASK-' || lpad(a::text, 3, '0'), 'alpha', 'TASK-' || lpad(b::text, 3, '0'), 'blocks'
    FROM generate_series(1, 30) a, generate_series(1, 30) b WHERE a > b AND (a * 7 + b) % 5 = 0`);
  const ctx = t.as({ role: "admin" });
  const codes = new Set<string>();
  const caught = (error: { code?: string }) => void codes.add(error.code ?? String(error));
  const finish = async (taskId: string) => {
    const of = { projectId: "alpha", taskId };
    await updateTaskStatus(ctx, { ...of, status: "in_progress" });
    await updateTaskStatus(ctx, { ...of, status: "completed" });
    await updateTaskStatus(ctx, { ...of, status: "pending", reset: true });
  };
  const round = async (i: number, taskId: string) => {
    await finish(taskId).catch(caught);
    await updateTasks(ctx, { filter: { ...ALPHA, priority: { eq: 2 } }, set: { addLabels: [`l${i}`] } }).catch(caught);
    const some = { ...ALPHA, or: [{ text: `work ${30 - i}` }, { text: taskId }] };
    await updateTasks(ctx, { filter: some, set: i % 3 === 0 ? { delete: true } : { priority: i % 5 } }).catch(caught);
  };
  const workers = Array.from({ length: 5 }, async (_, worker) => {
    for (const [i, taskId] of ids.entries()) if (i % 5 === worker) await round(i, taskId);
  });
  await Promise.all(workers);
  for (const code of codes)
    expect(["NOT_READY", "TASK_NOT_FOUND", "LEASE_LOST", "INVALID_STATUS_TRANSITION"]).toContain(code);
  const { rows } = await t.owner.query(
    `SELECT task_id FROM tasks t WHERE open_blockers <> (
       SELECT count(*) FROM task_dependencies d JOIN tasks b ON b.project_id = d.depends_on_project_id AND b.task_id = d.depends_on_task_id
       WHERE d.project_id = t.project_id AND d.task_id = t.task_id AND d.kind = 'blocks' AND b.status <> 'completed' AND b.deleted_at IS NULL)`,
  );
  expect(rows).toEqual([]);
});

it("is asked for by its names", async () => {
  const server = await startTestServer();
  await server.ask(
    'mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "a", labels: ["old"]}, {description: "b"}]}) { replayed } }',
  );
  const ask = (set: string, more = "") =>
    server.ask(
      `mutation { updateTasks(input: {filter: {projects: ["alpha"], labels: {in: ["old"]}}, set: ${set}${more}}) { count matched tasks { taskId priority } } }`,
    );
  expect(await ask("{priority: 4}", ", dryRun: true")).toEqual({
    updateTasks: { count: 1, matched: 1, tasks: [{ taskId: "TASK-001", priority: 2 }] },
  });
  expect(await ask("{priority: 4}")).toEqual({
    updateTasks: { count: 1, matched: 1, tasks: [{ taskId: "TASK-001", priority: 4 }] },
  });
  expect(await ask('{park: {reason: "later"}}')).toMatchObject({ updateTasks: { count: 1 } });
  expect(await ask("{delete: true}")).toMatchObject({ updateTasks: { count: 1 } });
  const long = await server.gql(
    "mutation ($text: String) { updateTasks(input: {filter: {text: $text}, set: {priority: 1}}) { count } }",
    { text: "x ".repeat(501) },
  );
  expect(long.errors).toMatchObject([{ message: expect.stringContaining("1000 at most") }]);
});
