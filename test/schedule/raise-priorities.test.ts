import { expect, it } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { updateProject } from "../../src/projects/update.ts";
import { remindersDueInMs } from "../../src/schedule/due.ts";
import { raisePriorities } from "../../src/schedule/raise-priorities.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTasks } from "../../src/tasks/update-many.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const DAY = 86_400;
const alpha = { projectId: "alpha" };

const set = (t: VerbTest, raisePriorityBefore: string | null) =>
  updateProject(t.as({ role: "admin" }), { ...alpha, raisePriorityBefore });
const raise = (t: VerbTest) => raisePriorities(t.as(SERVER));
const priorities = async ({ owner }: VerbTest) =>
  (await owner.query("SELECT priority, version FROM tasks ORDER BY task_id")).rows.map(
    ({ priority, version }) => `${priority} v${version}`,
  );
const due = ({ owner }: VerbTest, seconds: number, where = "true") =>
  owner.query(`UPDATE tasks SET due_date = docket_now() + make_interval(secs => $1) WHERE ${where}`, [seconds]);

it("raises the priority by one step within the time before the due date, and not before, once for each", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await due(t, 3 * DAY);
  expect(await remindersDueInMs(t.database)).toBeNull();
  await set(t, "P2D");
  expect(await remindersDueInMs(t.database)).toBeGreaterThan((DAY - 60) * 1_000);
  await t.pass(DAY - 30);
  expect(await raise(t)).toBe(false);
  await t.pass(30);
  expect(await remindersDueInMs(t.database)).toBeLessThanOrEqual(0);
  expect([await raise(t), await raise(t), await priorities(t)]).toEqual([true, false, ["1 v2"]]);
  expect(await remindersDueInMs(t.database)).toBeNull();
  expect((await t.events()).at(-1)).toMatchObject({
    type: "task.updated",
    subject_id: "TASK-001",
    payload: {
      changes: { priority: { old: 2, new: 1 } },
      dueDate: expect.any(String),
      reason: "It is due within P2D, the project's raisePriorityBefore.",
    },
  });
  // Another due date is another occasion, one that comes again is none; 0 is the highest.
  await due(t, DAY);
  expect([await raise(t), await priorities(t)]).toEqual([true, ["0 v3"]]);
  await due(t, 2 * DAY);
  expect([await raise(t), await priorities(t)]).toEqual([false, ["0 v3"]]);
});

it("raises it once for each due date, also for one that is moved away from and comes back, whoever moves it", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  const key = { ...alpha, taskId: "TASK-001" };
  await set(t, "P2D");
  const { rows } = await t.owner.query<{ now: Date }>("SELECT docket_now() AS now");
  const at = (seconds: number) => new Date((rows[0]?.now.getTime() ?? 0) + seconds * 1_000);
  const [soon, sooner, far] = [at(2 * DAY - 60), at(DAY), at(20 * DAY)];
  const highest = async () => (await t.owner.query("SELECT priority FROM tasks")).rows[0]?.priority;
  await t.owner.query("UPDATE tasks SET priority = 4");
  const moves: readonly (readonly [Date | null, number])[] = [
    ...([
      [soon, 3],
      [far, 3],
      [soon, 3],
      [sooner, 2],
      [soon, 2],
      [null, 2],
      [sooner, 2],
    ] as const),
    ...([
      [far, 2],
      [soon, 2],
    ] as const),
  ];
  for (const [dueDate, priority] of moves) {
    await updateTask(t.as(), { ...key, dueDate });
    while (await raise(t)) {}
    expect(await highest()).toBe(priority);
  }
  await t.owner.query("UPDATE tasks SET due_date = $1", [sooner]);
  expect([await raise(t), await remindersDueInMs(t.database), await highest()]).toEqual([false, null, 2]);
  await updateTasks(t.as(), { filter: { projects: ["alpha"] }, set: { dueDate: soon } });
  expect([await raise(t), await highest()]).toEqual([false, 2]);
  await updateTask(t.as(), { ...key, dueDate: at(DAY + 60) });
  expect([await raise(t), await highest()]).toEqual([true, 1]);
});

it("leaves alone what is settled, a template, without due date, or of a project that does not say so or is archived", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 5);
  await seedTasks(t, "beta", 1);
  await due(t, 60, "task_id <> 'TASK-005'");
  await t.owner.query("UPDATE tasks SET status = 'completed' WHERE task_id = 'TASK-002'");
  await t.owner.query("UPDATE tasks SET deleted_at = docket_now() WHERE task_id = 'TASK-003'");
  await t.owner.query("UPDATE tasks SET is_template = true WHERE task_id = 'TASK-004'");
  await set(t, "2 days");
  await t.owner.query("UPDATE projects SET archived_at = docket_now() WHERE project_id = 'alpha'");
  expect([await raise(t), await remindersDueInMs(t.database)]).toEqual([false, null]);
  await t.owner.query("UPDATE projects SET archived_at = NULL");
  await raise(t);
  expect(await raise(t)).toBe(false);
  const { rows } = await t.owner.query("SELECT project_id, task_id FROM tasks WHERE priority < 2");
  expect(rows).toEqual([{ project_id: "alpha", task_id: "TASK-001" }]);
  await set(t, null);
  await due(t, 60);
  expect(await raise(t)).toBe(false);
});

it("refuses a time that is none, naming what is wrong", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 0);
  await expect(set(t, "P2M")).rejects.toThrow(
    'raisePriorityBefore: "P2M" is no length of time: years and months are of different lengths.',
  );
});
