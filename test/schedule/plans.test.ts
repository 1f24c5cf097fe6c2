import { expect, it } from "vitest";
import { REMINDERS_DUE } from "../../src/schedule/due.ts";
import { RAISE_PRIORITIES } from "../../src/schedule/raise-priorities.ts";
import { TRIGGER_REMINDERS } from "../../src/schedule/reminders/trigger.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";

it("finds what is due by index, among 3,000 reminders and tasks with due dates", async () => {
  const t = await verbTest();
  for (const project of ["alpha", "beta", "gamma", "delta", "epsilon"]) await seedTasks(t, project, 600);
  await t.owner.query(`UPDATE tasks SET due_date = docket_now() + make_interval(hours => 100 + (queue_position / 1000000)::int),
    reminder_offsets = '{1 hour}'`);
  await t.owner.query("UPDATE projects SET settings = '{\"raisePriorityBefore\": \"P2D\"}' WHERE project_id = 'alpha'");
  await t.owner.query("ANALYZE");
  const by = ["server", null, "reminders"];
  for (const [{ text }, values, indexes] of [
    [REMINDERS_DUE, [], ["idx_reminders_trigger", "idx_tasks_raisable"]],
    [TRIGGER_REMINDERS, by, ["idx_reminders_trigger"]],
    [RAISE_PRIORITIES, by, ["idx_tasks_raisable"]],
  ] as const) {
    const { rows } = await t.owner.query(`EXPLAIN ${text}`, [...values]);
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    for (const index of indexes) expect(plan).toContain(index);
    expect(plan).not.toContain("Seq Scan on tasks");
  }
});
