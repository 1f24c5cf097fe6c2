import { describe, expect, it } from "vitest";
import type { Context } from "../../src/access/viewer.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { addDependency } from "../../src/tasks/dependencies/add.ts";
import type { AddTaskItem } from "../../src/tasks/new-task.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { counting } from "../support/counting.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";
import { oneIsWaiting } from "../support/waiting.ts";

/** A project alpha with pending tasks TASK-001 … */
async function withTasks(count = 3): Promise<VerbTest> {
  const t = await verbTest();
  await seedTasks(t, "alpha", count);
  return t;
}

const item = (key: string, more: AddTaskItem = {}): AddTaskItem => ({ key, description: `do ${key}`, ...more });
const add = (ctx: Context, ...tasks: AddTaskItem[]) => addTasks(ctx, { projectId: "alpha", tasks });

interface Row {
  readonly id: string;
  readonly parent: string | null;
  readonly depth: number;
  readonly blockers: number;
  readonly children: number;
}

/** The graph as it stands, in the order of the queue, with the counts that the triggers keep. */
async function graph({ owner }: VerbTest, projectId = "alpha") {
  const { rows: tasks } = await owner.query<Row>(
    `SELECT task_id AS id, parent_task_id AS parent, depth, open_blockers AS blockers, open_children AS children
     FROM tasks WHERE project_id = $1 ORDER BY queue_position`,
    [projectId],
  );
  const { rows: edges } = await owner.query<{ edge: string }>(
    `SELECT task_id || ' → ' || depends_on_project_id || '/' || depends_on_task_id AS edge FROM task_dependencies
     WHERE project_id = $1 AND kind = 'blocks' ORDER BY 1`,
    [projectId],
  );
  return { tasks, edges: edges.map(({ edge }) => edge) };
}

const countOf = async ({ owner }: VerbTest) =>
  (await owner.query("SELECT count(*)::int AS n FROM tasks")).rows[0].n as number;

it("adds tasks that refer to each other by keys, whatever comes first, and tells which are ready", async () => {
  const t = await withTasks(0);
  const { tasks, keys } = await add(
    t.as(),
    item("api", { dependsOn: ["schema"], parentKey: "epic" }),
    item("schema", { parentKey: "epic" }),
    item("epic"),
    item("done", { status: "completed" }),
    item("docs", { dependsOn: ["done"] }),
    { description: "without a key", dependsOn: ["epic", "api", "epic"] },
  );
  expect(tasks.map(({ taskId }) => taskId)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `TASK-00${n}`));
  expect(keys?.map(({ key, taskId, ready }) => [key, taskId, ready])).toEqual([
    ["schema", "TASK-002", true],
    ["docs", "TASK-005", true],
    ["api", "TASK-001", false],
    ["epic", "TASK-003", false],
    ["done", "TASK-004", false],
  ]);
  const none = { parent: null, depth: 0, blockers: 0, children: 0 };
  expect(await graph(t)).toEqual({
    tasks: [
      { ...none, id: "TASK-003", children: 2 },
      { ...none, id: "TASK-001", parent: "TASK-003", depth: 1, blockers: 1 },
      { ...none, id: "TASK-002", parent: "TASK-003", depth: 1 },
      { ...none, id: "TASK-004" },
      { ...none, id: "TASK-005" },
      { ...none, id: "TASK-006", blockers: 2 },
    ],
    edges: [
      "TASK-001 → alpha/TASK-002",
      "TASK-005 → alpha/TASK-004",
      "TASK-006 → alpha/TASK-001",
      "TASK-006 → alpha/TASK-003",
    ],
  });
  expect((await t.events()).map(({ type, subject_id }) => `${type} ${subject_id}`)).toEqual([
    ...[3, 1, 2, 4, 5, 6].map((n) => `task.created TASK-00${n}`),
    ...[expect.stringMatching(/^task.blocked TASK-00[16]$/), expect.stringMatching(/^task.blocked TASK-00[16]$/)],
    ...[1, 5, 6, 6].map((n) => `task.dependency_added TASK-00${n}`),
  ]);
});

it("refers to tasks that are there, also of other projects, and to IDs that are given in the same call", async () => {
  const t = await withTasks(2);
  await seedTasks(t, "web", 1);
  const { tasks } = await add(
    t.as(),
    item("a", { parentTaskId: "task-001", dependsOn: ["task-002", "web/TASK-001"] }),
    item("b", { taskId: "TASK-050" }),
    item("c", { parentTaskId: "TASK-050", dependsOn: ["a"] }),
    item("d", { dependsOn: ["alpha/TASK-050"] }),
    item("e", { projectId: "web", dependsOn: ["a", "TASK-001"] }),
  );
  expect(tasks.map(({ taskId }) => taskId)).toEqual(["TASK-051", "TASK-050", "TASK-052", "TASK-053", "TASK-002"]);
  expect(await graph(t)).toMatchObject({
    tasks: [
      { id: "TASK-001", children: 1 },
      { id: "TASK-002" },
      { id: "TASK-051", parent: "TASK-001", depth: 1, blockers: 2 },
      { id: "TASK-050", children: 1 },
      { id: "TASK-052", parent: "TASK-050", depth: 1, blockers: 1 },
      { id: "TASK-053", blockers: 1 },
    ],
    edges: [
      "TASK-051 → alpha/TASK-002",
      "TASK-051 → web/TASK-001",
      "TASK-052 → alpha/TASK-051",
      "TASK-053 → alpha/TASK-050",
    ],
  });
  expect((await graph(t, "web")).edges).toEqual(["TASK-002 → alpha/TASK-051", "TASK-002 → web/TASK-001"]);
  const told = (await t.events()).filter(({ type }) => type === "task.dependency_added");
  expect(told.map(({ project_id, payload }) => [project_id, payload["taskId"], payload["dependsOn"]])).toEqual([
    ["alpha", "TASK-051", "TASK-002"],
    ["alpha", "TASK-051", null],
    ["web", null, "TASK-001"],
    ["alpha", "TASK-052", "TASK-051"],
    ["alpha", "TASK-053", "TASK-050"],
    ["web", "TASK-002", null],
    ["alpha", null, "TASK-051"],
    ["web", "TASK-002", "TASK-001"],
  ]);
});

describe("refuses a plan", () => {
  const chain = Array.from({ length: 7 }, (_, i) => item(`k${i}`, i === 0 ? {} : { parentKey: `k${i - 1}` }));
  it.each<[string, AddTaskItem[], string, string]>([
    [
      "with an unknown key to wait for",
      [item("a"), item("b", { dependsOn: ["a", "c"] })],
      "BAD_USER_INPUT",
      'tasks[1].dependsOn[1]: "c" is neither the key of an item nor the ID of a task',
    ],
    [
      "with an unknown parent",
      [item("a"), item("b", { parentKey: "c" })],
      "BAD_USER_INPUT",
      'tasks[1]: parentKey "c" is the key of no item',
    ],
    [
      "with two parents",
      [item("a"), item("b", { parentKey: "a", parentTaskId: "TASK-001" })],
      "BAD_USER_INPUT",
      "tasks[1]: give parentKey or parentTaskId, not both",
    ],
    ["with a key twice", [item("a"), item("a")], "BAD_USER_INPUT", "Duplicate key in batch: a"],
    ["with a key like an ID", [item("step-001")], "BAD_USER_INPUT", 'tasks[0]: key "step-001" looks like the ID'],
    ["with a key like that of another project", [item("web/US-001")], "BAD_USER_INPUT", "looks like the ID of a task"],
    ["with a blank key", [item(" ")], "BAD_USER_INPUT", "tasks[0]: key must have 1 to 100 characters"],
    ["with a long key", [item("k".repeat(101))], "BAD_USER_INPUT", "tasks[0]: key must have 1 to 100 characters"],
    [
      "with an item that waits for itself",
      [item("a", { dependsOn: ["a"] })],
      "BAD_USER_INPUT",
      "tasks[0].dependsOn[0]: it cannot depend on itself",
    ],
    ["with its own parent", [item("a", { parentKey: "a" })], "BAD_USER_INPUT", "tasks[0]: it cannot be its own parent"],
    [
      "with a parent of another project",
      [item("a", { projectId: "web" }), item("b", { parentKey: "a" })],
      "BAD_USER_INPUT",
      "tasks[1]: its parent, tasks[0], is of another project",
    ],
    [
      "with a task that is not there",
      [item("a"), item("b", { dependsOn: ["TASK-999"] })],
      "TASK_NOT_FOUND",
      "tasks[1]: Task TASK-999 not found",
    ],
    [
      "with an ID that only this call gives",
      [item("a"), item("b", { dependsOn: ["TASK-004"] })],
      "TASK_NOT_FOUND",
      "tasks[1]: Task TASK-004 not found",
    ],
    [
      "with a parent that is not there",
      [item("a"), item("b", { parentTaskId: "TASK-999" })],
      "BAD_USER_INPUT",
      "tasks[1]: Parent task TASK-999 not found",
    ],
    ["that is too deep", chain, "BAD_USER_INPUT", "tasks[6]: Cannot create child: parent depth 5 is at maximum (5)"],
    [
      "with held work that would have to wait",
      [item("a"), item("b", { status: "in_progress", dependsOn: ["a"] })],
      "BAD_USER_INPUT",
      "tasks[1]: it cannot come IN_PROGRESS, as it waits for tasks[0] (a)",
    ],
    [
      "with held work that would have to wait for a task",
      [item("b", { status: "in_progress", dependsOn: ["TASK-001"] })],
      "BAD_USER_INPUT",
      "it cannot come IN_PROGRESS, as it waits for TASK-001",
    ],
    [
      "with more than 5,000 dependencies",
      Array.from({ length: 101 }, (_, i) =>
        item(`k${i}`, { dependsOn: Array.from({ length: i === 100 ? 1 : 50 }, (_, j) => `k${(i + j + 1) % 101}`) }),
      ),
      "BAD_USER_INPUT",
      "the items depend on 5001 others together; give 5000 at most",
    ],
    [
      "of more than 100 projects",
      Array.from({ length: 101 }, (_, i) => item(`k${i}`, { projectId: `p${i}` })),
      "BAD_USER_INPUT",
      "tasks are of 101 projects; 100 at most",
    ],
    [
      "that is a circle",
      [
        item("a", { dependsOn: ["c"] }),
        item("b", { dependsOn: ["a"] }),
        { description: "x" },
        item("c", { dependsOn: ["b"] }),
      ],
      "DEPENDENCY_CYCLE",
      "in a circle: tasks[0] (a) → tasks[3] (c) → tasks[1] (b) → tasks[0] (a). ",
    ],
    [
      "in which a part waits for its whole",
      [item("a"), item("b", { parentKey: "a", dependsOn: ["a"] })],
      "DEPENDENCY_CYCLE",
      "tasks[0] (a) → tasks[1] (b) → tasks[0] (a)",
    ],
    [
      "in which two are parts of each other",
      [item("a", { parentKey: "b" }), item("b", { parentKey: "a" })],
      "DEPENDENCY_CYCLE",
      "tasks[0] (a) → tasks[1] (b) → tasks[0] (a)",
    ],
  ])("%s, and adds none of it", async (_what, tasks, code, message) => {
    const t = await withTasks();
    await expect(add(t.as(), ...tasks)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect(await countOf(t)).toBe(3);
    expect(await t.events()).toEqual([]);
  });

  it("that would close a circle through tasks that are there, with what is not seen unnamed", async () => {
    const t = await withTasks();
    await seedTasks(t, "web", 1);
    await addDependency(t.as(), {
      projectId: "alpha",
      taskId: "TASK-002",
      dependsOn: { projectId: "web", taskId: "TASK-001" },
    });
    await addDependency(t.as(), {
      projectId: "web",
      taskId: "TASK-001",
      dependsOn: { projectId: "alpha", taskId: "TASK-001" },
    });
    // TASK-001 would wait for its part, which waits for TASK-002, which waits for TASK-001 already.
    const plan = [
      item("part", { parentTaskId: "TASK-001", dependsOn: ["step"] }),
      item("step", { dependsOn: ["TASK-002"] }),
    ];
    const circle = (hidden: string) =>
      new RegExp(
        `circle: tasks\\[0\\] \\(part\\) → tasks\\[1\\] \\(step\\) → TASK-002 → ${hidden} → TASK-001 → tasks\\[0\\]`,
      );
    await expect(add(t.as(), ...plan)).rejects.toMatchObject({
      code: "DEPENDENCY_CYCLE",
      message: expect.stringMatching(circle("web/TASK-001")),
    });
    await expect(add(t.as({ projectIds: ["alpha"] }), ...plan)).rejects.toMatchObject({
      message: expect.stringMatching(circle("a task of another project")),
      details: {
        circle: [
          { item: 0, key: "part" },
          { item: 1, key: "step" },
          { projectId: "alpha", taskId: "TASK-002" },
          null,
          { projectId: "alpha", taskId: "TASK-001" },
          { item: 0, key: "part" },
        ],
      },
    });
    await expect(add(t.as(), item("a", { parentTaskId: "TASK-001", dependsOn: ["TASK-001"] }))).rejects.toMatchObject({
      code: "DEPENDENCY_CYCLE",
    });
    // The same tasks in items that have nothing to do with each other close none.
    await add(t.as(), item("part", { parentTaskId: "TASK-001" }), item("step", { dependsOn: ["TASK-002"] }));
    const overTwo = add(
      t.as(),
      item("part", { parentTaskId: "TASK-001", dependsOn: ["TASK-003"] }),
      item("other", { parentTaskId: "TASK-003", dependsOn: ["web/TASK-001"] }),
    );
    await expect(overTwo).rejects.toMatchObject({ code: "DEPENDENCY_CYCLE" });
    expect(await countOf(t)).toBe(6);
  });
});

it("lets through what leads from one parent to a task that waits for another one", async () => {
  const t = await withTasks(4);
  const of = (taskId: string, on: string) =>
    addDependency(t.as(), { projectId: "alpha", taskId, dependsOn: { taskId: on } });
  await of("TASK-002", "TASK-003");
  // TASK-001 waits for TASK-002 by its part, that for TASK-003, and TASK-003 for TASK-004 by its own: no circle.
  await add(
    t.as(),
    item("a", { parentTaskId: "TASK-001", dependsOn: ["TASK-002"] }),
    item("b", { parentTaskId: "TASK-003", dependsOn: ["TASK-004"] }),
  );
  expect((await graph(t)).edges).toHaveLength(3);
});

describe("at once", () => {
  it("refuses one of two plans that close a circle together", async () => {
    const t = await withTasks(20);
    const id = (n: number) => `TASK-${String(n).padStart(3, "0")}`;
    const under = (parent: string, dependsOn: string) =>
      add(t.as(), item("a", { parentTaskId: parent, dependsOn: [dependsOn] }));
    const pairs = Array.from({ length: 10 }, (_, i) => [id(2 * i + 1), id(2 * i + 2)] as const);
    const outcomes = await Promise.allSettled(pairs.flatMap(([a, b]) => [under(a, b), under(b, a)]));
    const refused = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
    expect(refused).toEqual(Array(10).fill("DEPENDENCY_CYCLE"));
    expect((await graph(t)).edges).toHaveLength(10);
  });

  it("refuses a plan, or what else closes a circle with it", async () => {
    const t = await withTasks(12);
    const id = (n: number) => `TASK-${String(n).padStart(3, "0")}`;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 6 }, (_, i) => [id(2 * i + 1), id(2 * i + 2)] as const).flatMap(([a, b], i) => [
        add(t.as(), item("a", { parentTaskId: a, dependsOn: [b] })),
        i % 2 === 0
          ? addDependency(t.as(), { projectId: "alpha", taskId: b, dependsOn: { taskId: a } })
          : updateTask(t.as(), { projectId: "alpha", taskId: a, parentTaskId: b }),
      ]),
    );
    const refused = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
    expect(refused).toEqual(Array(6).fill("DEPENDENCY_CYCLE"));
  });

  it("refuses a parent, and what a plan waits for, that is deleted meanwhile", async () => {
    const t = await withTasks(2);
    const meanwhile = async (taskId: string, more: AddTaskItem) => {
      await t.owner.query("BEGIN");
      await t.owner.query("UPDATE tasks SET deleted_at = docket_now() WHERE task_id = $1", [taskId]);
      const adding = add(t.as(), item("a", more)).then(
        () => "added",
        ({ message }) => message,
      );
      await oneIsWaiting(t);
      await t.owner.query("COMMIT");
      return adding;
    };
    expect(await meanwhile("TASK-001", { parentTaskId: "TASK-001" })).toBe("Parent task TASK-001 not found");
    expect(await meanwhile("TASK-002", { dependsOn: ["TASK-002"] })).toBe("Task TASK-002 not found");
    expect((await graph(t)).tasks).toHaveLength(2);
  });

  it("adds the whole plan once under one key, and answers alike each time", async () => {
    const t = await withTasks(1);
    const tasks = [item("b", { dependsOn: ["a", "TASK-001"] }), item("a")];
    const once = () => addTasks(t.as(), { projectId: "alpha", tasks, idempotencyKey: "plan" });
    const answers = await Promise.all([once(), once(), once()]);
    answers.push(await once());
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    for (const { keys } of answers)
      expect(keys).toEqual([
        { key: "a", projectId: "alpha", taskId: "TASK-003", ready: true },
        { key: "b", projectId: "alpha", taskId: "TASK-002", ready: false },
      ]);
    expect(await graph(t)).toMatchObject({ tasks: { length: 3 }, edges: { length: 2 } });
    const others = addTasks(t.as(), {
      projectId: "alpha",
      tasks: [item("b", { dependsOn: ["a"] }), item("a")],
      idempotencyKey: "plan",
    });
    await expect(others).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
  });
});

it("tells a limited key of a foreign task what it tells of one that is not there, as addDependency does", async () => {
  const t = await withTasks(1);
  await seedTasks(t, "secret", 1);
  const ctx = t.as({ projectIds: ["alpha"] });
  const refusals = await Promise.all(
    ["secret", "nowhere"].flatMap((projectId) => [
      add(ctx, item("a", { dependsOn: [`${projectId}/TASK-001`] })).catch((error) => error),
      addDependency(ctx, {
        projectId: "alpha",
        taskId: "TASK-001",
        dependsOn: { projectId, taskId: "TASK-001" },
      }).catch((error) => error),
    ]),
  );
  const told = refusals.map(({ code, message, details }) => ({ code, message, details }));
  const expected = (projectId: string) => ({
    code: "PROJECT_NOT_FOUND",
    message: expect.stringContaining(`Project ${projectId} not found.`),
    details: { projectId, retryable: false },
  });
  expect(told).toEqual([expected("secret"), expected("secret"), expected("nowhere"), expected("nowhere")]);
  expect(told[0]?.message).toBe(told[1]?.message);
  const missing = await add(ctx, item("a", { dependsOn: ["TASK-002"] })).catch((error) => error);
  const alike = await addDependency(ctx, {
    projectId: "alpha",
    taskId: "TASK-001",
    dependsOn: { taskId: "TASK-002" },
  }).catch((error) => error);
  expect([missing.code, missing.message, missing.details]).toEqual([alike.code, alike.message, alike.details]);
});

it("adds 1,000 tasks that wait for 3,000 others with as many statements as ten", async () => {
  const t = await withTasks(1);
  /** In four levels, each task waiting for the three before it on its level. */
  const plan = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      item(`k${i}`, {
        ...(i < 4 ? { parentTaskId: "TASK-001" } : i % 4 > 0 && { parentKey: `k${i - 1}` }),
        dependsOn: [4, 8, 12].flatMap((d) => (i >= d ? [`k${i - d}`] : [])),
      }),
    );
  const few: string[] = [];
  const many: string[] = [];
  await add(counting(t.as(), few), ...plan(10));
  const { keys = [] } = await add(counting(t.as(), many), ...plan(1000));
  expect(many).toEqual(few);
  expect(keys).toHaveLength(1000);
  const { rows } = await t.owner.query(
    `SELECT count(*)::int AS tasks, sum(open_blockers)::int AS blockers, sum(open_children)::int AS children,
       count(*) FILTER (WHERE open_blockers <> (SELECT count(*) FROM task_dependencies d WHERE d.task_id = t.task_id)
         OR open_children <> (SELECT count(*) FROM tasks c WHERE c.parent_task_id = t.task_id)
         OR depth <> coalesce((SELECT p.depth + 1 FROM tasks p WHERE p.task_id = t.parent_task_id), 0))::int AS wrong
     FROM tasks t`,
  );
  expect(rows).toEqual([{ tasks: 1011, blockers: 8 + 2_976, children: 8 + 751, wrong: 0 }]);
});
