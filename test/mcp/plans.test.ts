import { describe, expect, test } from "vitest";
import { shareSessions, succeed } from "./sessions.ts";

const sessions = shareSessions();

describe("add_task with a plan", () => {
  test("lets items wait for each other and for tasks that are there, and tells by key which are ready", async () => {
    await using tools = await sessions.start();
    const tasks = [
      { key: "ship", description: "ship", depends_on: ["api", "docs"] },
      { key: "api", description: "api", parent_key: "epic" },
      { key: "docs", description: "docs", depends_on: ["TASK-001"], parent_id: "PRD-001" },
      { key: "epic", description: "epic" },
    ];
    expect(await succeed(tools, "add_task", { tasks })).toMatchObject({
      tasks_added: 4,
      ready: { api: "TASK-003" },
      waiting: { ship: "TASK-002", docs: "TASK-004", epic: "TASK-005" },
      task_ids: ["TASK-002", "TASK-003", "TASK-004", "TASK-005"],
    });
    // The parent_id of an item is the artifact that it is made from, no task.
    expect(await succeed(tools, "get_task", { task_id: "TASK-004" })).toMatchObject({ task: { inputs: ["PRD-001"] } });
    const circle = [
      { key: "a", description: "a", depends_on: ["b"] },
      { key: "b", description: "b", depends_on: ["a"] },
    ];
    expect(await tools.call("add_task", { tasks: circle })).toMatchObject({
      failed: true,
      text: expect.stringContaining("in a circle: tasks[0] (a) → tasks[1] (b) → tasks[0] (a)"),
    });
  });

  test("of a thousand items is answered within the limits of an answer, the ready ones first", async () => {
    await using tools = await sessions.start([]);
    const key = (n: number) => `step-${"x".repeat(80)}-${n}`;
    const tasks = Array.from({ length: 1_000 }, (_, n) => ({
      key: key(n),
      description: `${n}`,
      depends_on: n % 100 === 0 ? [] : [key(n - 1)],
    }));
    const added = await succeed(tools, "add_task", { tasks });
    expect(added).toMatchObject({ tasks_added: 1_000, note: expect.stringContaining("list_tasks") });
    expect(Object.keys(added["ready"] as object)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => key(100 * n)));
    expect(JSON.stringify(added).length).toBeLessThan(20_000);
    expect(await succeed(tools, "get_next_task")).toMatchObject({ task: { task_id: "TASK-001" } });
  });
});
