import { expect, it } from "vitest";
import { updateTasks } from "../../src/tasks/update-many.ts";
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
