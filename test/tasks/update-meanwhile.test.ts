import { expect, it } from "vitest";
import { updateTasks } from "../../src/tasks/update-many.ts";
import { eventually } from "../support/eventually.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";

it("leaves alone what its filter no longer finds once the lock of it is there", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 3);
  await t.owner.query("BEGIN");
  await t.owner.query("UPDATE tasks SET priority = 0 WHERE task_id = 'TASK-002'");
  const updating = updateTasks(t.as(), {
    filter: { projects: ["alpha"], priority: { ne: 0 } },
    set: { addLabels: ["late"] },
  });
  await eventually(async () => {
    // A transaction looks at this once.
    await t.owner.query("SELECT pg_stat_clear_snapshot()");
    const { rowCount } = await t.owner.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    expect(rowCount).toBe(1);
  });
  await t.owner.query("COMMIT");
  expect((await updating).tasks.map(({ taskId }) => taskId)).toEqual(["TASK-001", "TASK-003"]);
  const { rows } = await t.owner.query("SELECT labels FROM tasks WHERE task_id = 'TASK-002'");
  expect(rows).toEqual([{ labels: [] }]);
});
