import { expect, it } from "vitest";
import { updateTasks } from "../../src/tasks/update-many.ts";
import { counting } from "../support/counting.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";
import { oneIsWaiting } from "../support/waiting.ts";

it("leaves alone what its filter no longer finds once the lock of it is there", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 3);
  await t.owner.query("BEGIN");
  await t.owner.query("UPDATE tasks SET priority = 0 WHERE task_id = 'TASK-002'");
  const updating = updateTasks(t.as(), {
    filter: { projects: ["alpha"], priority: { ne: 0 } },
    set: { addLabels: ["late"] },
  });
  await oneIsWaiting(t);
  await t.owner.query("COMMIT");
  expect((await updating).tasks.map(({ taskId }) => taskId)).toEqual(["TASK-001", "TASK-003"]);
  const { rows } = await t.owner.query("SELECT labels FROM tasks WHERE task_id = 'TASK-002'");
  expect(rows).toEqual([{ labels: [] }]);
});

it("locks again, in the order of all, what came to wait for a task that it deletes", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  await t.owner.query("BEGIN");
  await t.owner.query(`INSERT INTO task_dependencies (project_id, task_id, depends_on_project_id, depends_on_task_id, kind)
    VALUES ('alpha', 'TASK-001', 'alpha', 'TASK-002', 'blocks')`);
  await t.owner.query("SELECT FROM tasks WHERE task_id = 'TASK-002' FOR UPDATE");
  const statements: string[] = [];
  const filter = { projects: ["alpha"], text: "2" };
  const deleting = updateTasks(counting(t.as(), statements), { filter, set: { delete: true } });
  await oneIsWaiting(t);
  await t.owner.query("COMMIT");
  expect((await deleting).tasks.map(({ taskId }) => taskId)).toEqual(["TASK-002"]);
  expect(statements.filter((name) => name === "tasks-lock-settling")).toHaveLength(2);
  const { rows } = await t.owner.query("SELECT open_blockers FROM tasks WHERE task_id = 'TASK-001'");
  expect(rows).toEqual([{ open_blockers: 0 }]);
});
