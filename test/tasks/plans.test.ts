import { expect, it } from "vitest";
import { addDependency } from "../../src/tasks/dependencies/add.ts";
import { counting } from "../support/counting.ts";
import { seedTasks } from "../support/verbs.ts";
import { add, graph, item, withTasks } from "./planning.ts";

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

it("adds 200 tasks that wait for 600 others with as many statements as ten", async () => {
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
  const { keys = [] } = await add(counting(t.as(), many), ...plan(200));
  expect(many).toEqual(few);
  expect(keys).toHaveLength(200);
  const { rows } = await t.owner.query(
    `SELECT count(*)::int AS tasks, sum(open_blockers)::int AS blockers, sum(open_children)::int AS children,
       count(*) FILTER (WHERE open_blockers <> (SELECT count(*) FROM task_dependencies d WHERE d.task_id = t.task_id)
         OR open_children <> (SELECT count(*) FROM tasks c WHERE c.parent_task_id = t.task_id)
         OR depth <> coalesce((SELECT p.depth + 1 FROM tasks p WHERE p.task_id = t.parent_task_id), 0))::int AS wrong
     FROM tasks t`,
  );
  expect(rows).toEqual([{ tasks: 211, blockers: 8 + 576, children: 8 + 151, wrong: 0 }]);
});
