import { expect, it } from "vitest";
import { addTasks } from "../../src/tasks/add.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { revertChanges } from "../../src/tasks/revert/revert.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTasks } from "../../src/tasks/update-many.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";
import { ahead, DAY, due, first } from "./reminding.ts";

it("is changed as a whole: what stays is the same one, what is left out is cancelled, none takes all away", async () => {
  const { t, schedule, next } = await due(["1 hour", "P1D"]);
  const ids = async () =>
    (await t.owner.query("SELECT reminder_id FROM reminder_schedule WHERE offset_seconds = 3600")).rows;
  const before = await ids();
  await updateTask(t.as(), { ...first, reminders: [{ offset: "PT60M" }, { offset: "30 minutes" }] });
  expect(await schedule()).toEqual(["P1D cancelled", "PT60M pending", "30 minutes pending"]);
  expect(await ids()).toEqual(before);
  expect((await t.events()).at(-1)?.payload["changes"]).toEqual({
    reminderOffsets: { old: ["1 hour", "P1D"], new: ["PT60M", "30 minutes"] },
    reminderOffset: { old: "P1D", new: "PT60M" },
  });
  await updateTask(t.as(), { ...first, reminderOffset: "1 day" });
  expect(await schedule()).toEqual(["1 day pending", "PT60M cancelled", "30 minutes cancelled"]);
  for (const none of [{ reminders: [] }, { reminders: null }, { reminderOffset: null }]) {
    await updateTask(t.as(), { ...first, reminderOffset: "1 day" });
    await updateTask(t.as(), { ...first, ...none });
    expect(await next()).toEqual([null, null]);
  }
  const version = async () => (await t.owner.query("SELECT version FROM tasks")).rows;
  const [unchanged] = [await version()];
  await updateTask(t.as(), { ...first, reminders: [] });
  expect(await version()).toEqual(unchanged);
});

it("refuses offsets that are none, too many, doubled, or without a due date, naming each", async () => {
  const { t } = await due(["1 hour"]);
  const dueDate = await ahead(t, DAY);
  const add = (more: object) =>
    addTasks(t.as(), { projectId: "alpha", tasks: [{ description: "b", ...more }] }).then(
      () => "added",
      ({ message }) => message,
    );
  const reminders = (count: number) => Array.from({ length: count }, (_, i) => ({ offset: `${i + 1} hours` }));
  expect(await add({ dueDate, reminders: reminders(10) })).toBe("added");
  expect(await add({ dueDate, reminders: reminders(11) })).toBe("tasks[0]: reminders: must have at most 10 entries");
  expect(await add({ reminderOffset: "1 hour" })).toBe("tasks[0]: Reminder offset requires a due date");
  expect(await add({ dueDate, reminders: [{ offset: "1 hour" }, { offset: "1 hour ago" }] })).toContain(
    'tasks[0]: reminders[1].offset: "1 hour ago" is no length of time: " ago" is too much',
  );
  expect(await add({ dueDate, reminderOffset: "soon" })).toContain("tasks[0]: reminderOffset:");
  expect(await add({ dueDate, reminders: [{ offset: "1 day" }, { offset: "P1D" }] })).toBe(
    "tasks[0]: reminders[1].offset: it reminds at the same time as reminders[0].offset",
  );
  expect(await add({ dueDate, reminders: [], reminderOffset: "1 day" })).toBe(
    "tasks[0]: give either reminders or reminderOffset",
  );
  const late = new Date((await ahead(t, 0)).getTime() - 1_000);
  expect(await add({ dueDate: late, reminderOffset: "1 day" })).toBe("Due date must be in the future");

  const update = (more: object) =>
    updateTask(t.as(), { ...first, ...more }).then(
      () => "updated",
      ({ message }) => message,
    );
  const NEEDS =
    "Reminder offset requires a due date: give dueDate, or take the reminders away with reminderOffset: null.";
  expect(await update({ dueDate: null })).toBe(NEEDS);
  expect(await update({ reminders: reminders(11) })).toContain("reminders: must have at most 10 entries");
  expect(await update({ dueDate: null, reminderOffset: null })).toBe("updated");
  expect(await update({ dueDate, reminderOffset: "1 hour" })).toBe("updated");
  expect(await update({ dueDate: null, reminders: [] })).toBe("updated");
  expect(await update({ reminderOffset: "1 hour" })).toBe(NEEDS);
  expect(await update({ dueDate, reminderOffset: "1 hour" })).toBe("updated");
  await expect(updateTasks(t.as(), { filter: { projects: ["alpha"] }, set: { dueDate: null } })).rejects.toThrow(
    "alpha/TASK-001: Reminder offset requires a due date",
  );
});

it("is kept right by the database where plain SQL writes the task, and instances are given their template's", async () => {
  const { t, schedule, next } = await due(["1 hour"]);
  await t.owner.query("UPDATE tasks SET reminder_offset = '2 hours'");
  expect([await schedule(), await next()]).toEqual([
    ["2 hours pending", "1 hour cancelled"],
    ["2 hours", "pending"],
  ]);
  await t.owner.query("UPDATE tasks SET is_template = true");
  expect([await schedule(), await next()]).toEqual([
    ["2 hours cancelled", "1 hour cancelled"],
    ["2 hours", null],
  ]);
  await t.owner.query(`INSERT INTO tasks (project_id, task_id, description, due_date, reminder_offsets)
    SELECT project_id, 'TASK-002', description, due_date + interval '1 day', reminder_offsets FROM tasks`);
  expect(await schedule()).toEqual(["2 hours cancelled", "1 hour cancelled", "2 hours pending"]);
  await t.owner.query(`INSERT INTO tasks (project_id, task_id, description, due_date, reminder_offset, status)
    VALUES ('alpha', 'TASK-003', 'c', '2999-01-01', 'PT1H', 'completed')`);
  expect((await schedule()).at(-1)).toBe("PT1H cancelled");
  const refused = (sql: string) => expect(t.owner.query(sql)).rejects.toThrow("chk_reminder_requires_due_date");
  await refused("UPDATE tasks SET due_date = NULL");
  await refused(
    "INSERT INTO tasks (project_id, task_id, description, reminder_offset) VALUES ('alpha', 'TASK-004', 'd', '1 hour')",
  );
  await t.owner.query("UPDATE tasks SET reminder_offset = NULL WHERE task_id = 'TASK-003'");
  expect((await schedule()).at(-1)).toBe("PT1H cancelled");
});

it("is put back by a revert, where there is the due date that it needs", async () => {
  const { t, schedule, dueDate } = await due(["1 hour"]);
  const { rows } = await t.owner.query<{ since: Date }>("SELECT clock_timestamp() AS since");
  const revert = () =>
    revertChanges(t.as({ role: "admin" }), {
      ...{ projectId: "alpha", client: "session-2", since: rows[0]?.since.toISOString() ?? "" },
    });
  await updateTask(t.as({ client: "session-2" }), { ...first, reminders: [] });
  await updateTask(t.as(), { ...first, dueDate: null });
  expect(await revert()).toMatchObject({
    reverted: [],
    conflicts: [{ message: expect.stringContaining("had its reminderOffsets changed by others since") }],
  });
  await updateTask(t.as(), { ...first, dueDate });
  expect(await revert()).toMatchObject({ conflicts: [] });
  expect(await schedule()).toEqual(["1 hour pending"]);
});

it("costs a claim and a completion of a task without reminders nothing", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { projectId: "alpha", worker: "anna" });
  await t.owner.query("ALTER TABLE reminder_schedule RENAME TO away");
  await updateTaskStatus(t.as(), { ...first, status: "completed" });
});
