import { describe, expect, it } from "vitest";
import { addTasks } from "../../src/tasks/add.ts";
import { addDependency } from "../../src/tasks/dependencies/add.ts";
import type { AddTaskItem } from "../../src/tasks/new-task.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { oneIsWaiting } from "../support/waiting.ts";
import { add, graph, item, withTasks } from "./planning.ts";

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
