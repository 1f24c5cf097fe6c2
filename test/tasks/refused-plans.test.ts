import { describe, expect, it } from "vitest";
import { addDependency } from "../../src/tasks/dependencies/add.ts";
import type { AddTaskItem } from "../../src/tasks/new-task.ts";
import { seedTasks } from "../support/verbs.ts";
import { add, countOf, graph, item, withTasks } from "./planning.ts";

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
