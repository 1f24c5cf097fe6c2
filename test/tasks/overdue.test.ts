import { expect, it } from "vitest";
import { taskCounts } from "../../src/tasks/counts.ts";
import { listTasks } from "../../src/tasks/list.ts";
import { areOverdue } from "../../src/tasks/overdue.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";

it("is overdue from its due date on while it is open, in lists and counts", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 4);
  await t.owner.query("UPDATE tasks SET due_date = docket_now() + interval '1 minute' WHERE task_id <> 'TASK-004'");
  await t.owner.query("UPDATE tasks SET status = 'completed' WHERE task_id = 'TASK-002'");
  await t.owner.query("UPDATE tasks SET is_template = true WHERE task_id = 'TASK-003'");
  const overdue = async () => ({
    listed: (await listTasks(t.as(), { filter: { overdue: true } })).edges.map(({ node }) => node.taskId),
    others: (await listTasks(t.as(), { filter: { overdue: false } })).edges.length,
    counted: (await taskCounts(t.as(), { overdue: true }, []))[0]?.count ?? 0,
    told: await areOverdue(t.database, [
      { projectId: "alpha", taskId: "TASK-001" },
      { projectId: "alpha", taskId: "TASK-002" },
    ]),
  });
  await t.pass(55);
  expect(await overdue()).toEqual({ listed: [], others: 3, counted: 0, told: [false, false] });
  await t.pass(5);
  expect(await overdue()).toEqual({ listed: ["TASK-001"], others: 2, counted: 1, told: [true, false] });
});
