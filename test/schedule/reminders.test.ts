import { expect, it } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { remindersDueInMs } from "../../src/schedule/due.ts";
import { acknowledgeReminder } from "../../src/schedule/reminders/acknowledge.ts";
import { triggerReminders } from "../../src/schedule/reminders/trigger.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { archiveSettled } from "../../src/tasks/archive.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { restoreTask } from "../../src/tasks/restore.ts";
import { revertChanges } from "../../src/tasks/revert/revert.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTasks } from "../../src/tasks/update-many.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const HOUR = 3_600;
const DAY = 86_400;
const first = { projectId: "alpha", taskId: "TASK-001" };

/** An instant so many seconds from the database's now. */
async function ahead({ owner }: VerbTest, seconds: number): Promise<Date> {
  const { rows } = await owner.query<{ at: Date }>("SELECT docket_now() + make_interval(secs => $1) AS at", [seconds]);
  return rows[0]?.at ?? new Date(0);
}

/** TASK-001 of alpha, due in two days. */
async function due(reminders: readonly string[], more: object = {}) {
  const t = await verbTest();
  await seedTasks(t, "alpha", 0);
  const dueDate = await ahead(t, 2 * DAY);
  await addTasks(t.as(), {
    projectId: "alpha",
    tasks: [{ description: "a", dueDate, reminders: reminders.map((offset) => ({ offset })), ...more }],
  });
  const schedule = async () => {
    const { rows } = await t.owner.query(
      `SELECT r.reminder_offset || ' ' || r.status AS reminder FROM reminder_schedule r
       ORDER BY r.trigger_at, r.created_at, r.reminder_offset`,
    );
    return rows.map(({ reminder }) => reminder);
  };
  const next = async () => {
    const { rows } = await t.owner.query("SELECT reminder_offset, reminder_status FROM tasks");
    return [rows[0]?.reminder_offset, rows[0]?.reminder_status];
  };
  const trigger = () => triggerReminders(t.as(SERVER));
  const told = async () => (await t.events()).filter(({ type }) => type === "task.reminder.triggered");
  return { t, dueDate, schedule, next, trigger, told };
}

const setDue = async ({ t }: { readonly t: VerbTest }, seconds: number) =>
  updateTask(t.as(), { ...first, dueDate: await ahead(t, seconds) });
const complete = async (t: VerbTest) => {
  await updateTaskStatus(t.as(), { ...first, status: "in_progress" });
  await updateTaskStatus(t.as(), { ...first, status: "completed" });
};
const reset = (t: VerbTest) => updateTaskStatus(t.as(), { ...first, status: "pending", reset: true });

it("triggers each reminder at its time and not before, once, with what it reminds of", async () => {
  const { t, dueDate, schedule, next, trigger, told } = await due(["1 hour", "P1D"]);
  expect(await next()).toEqual(["P1D", "pending"]);
  expect(await remindersDueInMs(t.database)).toBeGreaterThan((DAY - 60) * 1_000);
  await t.pass(DAY - 30);
  expect(await trigger()).toBe(false);
  await t.pass(30);
  expect(await remindersDueInMs(t.database)).toBeLessThanOrEqual(0);
  expect([await trigger(), await trigger()]).toEqual([true, false]);
  expect(await schedule()).toEqual(["P1D triggered", "1 hour pending"]);
  expect(await next()).toEqual(["1 hour", "pending"]);
  await t.pass(DAY - HOUR);
  expect([await trigger(), await trigger()]).toEqual([true, false]);
  expect(await next()).toEqual(["1 hour", "triggered"]);
  expect(await remindersDueInMs(t.database)).toBeNull();
  expect(await told()).toMatchObject([
    {
      subject_id: "TASK-001",
      payload: { offset: "P1D", changes: { reminderOffset: { old: "P1D", new: "1 hour" } } },
    },
    {
      payload: {
        reminderId: expect.any(String),
        reminderType: "due_date_reminder",
        offset: "1 hour",
        title: "a",
        changes: { reminderStatus: { old: "PENDING", new: "TRIGGERED" } },
      },
    },
  ]);
  const [, last] = await told();
  expect(new Date(String(last?.payload["dueDate"]))).toEqual(dueDate);
  expect(new Date(String(last?.payload["triggerAt"])).getTime()).toBe(dueDate.getTime() - HOUR * 1_000);
  // Nobody has changed the task.
  expect((await t.owner.query("SELECT version FROM tasks")).rows).toEqual([{ version: 1 }]);
});

it("triggers two that are late at once, and what is set too late, as soon as it is looked at", async () => {
  const { t, dueDate, next, trigger, told, schedule } = await due(["1 hour", "2 hours"]);
  await t.pass(2 * DAY + HOUR);
  expect([await trigger(), await trigger()]).toEqual([true, false]);
  expect((await told()).map(({ payload }) => payload["offset"])).toEqual(["2 hours", "1 hour"]);
  expect(await next()).toEqual(["1 hour", "triggered"]);
  // Of a task whose due date has passed.
  await updateTask(t.as(), { ...first, reminders: [{ offset: "30 minutes" }] });
  expect([await trigger(), (await told()).at(-1)?.payload["offset"]]).toEqual([true, "30 minutes"]);
  expect(new Date(String((await told()).at(-1)?.payload["dueDate"]))).toEqual(dueDate);
  expect(await schedule()).toEqual(["2 hours triggered", "1 hour triggered", "30 minutes triggered"]);
});

it("is triggered once for each due date, also when that is moved away and back", async () => {
  const { t, dueDate, trigger, told, next } = await due(["1 day"]);
  await t.pass(DAY);
  expect(await trigger()).toBe(true);
  await updateTask(t.as(), { ...first, dueDate: await ahead(t, 21 * DAY) });
  expect(await next()).toEqual(["1 day", "pending"]);
  await updateTask(t.as(), { ...first, dueDate });
  expect([await trigger(), await next()]).toEqual([false, ["1 day", "triggered"]]);
  await updateTask(t.as(), { ...first, dueDate: await ahead(t, 3 * DAY) });
  await t.pass(2 * DAY);
  expect([await trigger(), (await told()).length]).toEqual([true, 2]);
});

it("moves with the due date, by one task or many; what was triggered comes again where that lies ahead", async () => {
  const made = await due(["1 hour"]);
  const { t, schedule, next, trigger, told } = made;
  await setDue(made, 3 * DAY);
  await t.pass(3 * DAY - HOUR - 10);
  expect(await trigger()).toBe(false);
  await updateTasks(t.as(), { filter: { projects: ["alpha"] }, set: { dueDate: await ahead(t, HOUR + 5) } });
  await t.pass(5);
  expect([await trigger(), await next()]).toEqual([true, ["1 hour", "triggered"]]);
  // Moved, but not so far that it could remind again.
  await setDue(made, HOUR - 60);
  expect([await trigger(), await schedule()]).toEqual([false, ["1 hour triggered"]]);
  await updateTasks(t.as(), { filter: { projects: ["alpha"] }, set: { dueDate: await ahead(t, DAY) } });
  expect(await schedule()).toEqual(["1 hour triggered", "1 hour pending"]);
  expect((await t.events()).at(-1)?.payload["changes"]).toMatchObject({
    dueDate: {},
    reminderStatus: { old: "TRIGGERED", new: "PENDING" },
  });
  // Once more to the same: nothing is made twice.
  await setDue(made, 2 * DAY);
  expect(await schedule()).toEqual(["1 hour triggered", "1 hour pending"]);
  await t.pass(2 * DAY);
  expect([await trigger(), await trigger(), await told()]).toEqual([
    true,
    false,
    expect.objectContaining({ length: 2 }),
  ]);
});

it("is cancelled by a completion, and comes back with a reset while its time lies ahead", async () => {
  const { t, schedule, next, trigger, told } = await due(["1 hour", "P1D"]);
  await complete(t);
  expect(await schedule()).toEqual(["P1D cancelled", "1 hour cancelled"]);
  expect((await t.events()).at(-1)?.payload["changes"]).toMatchObject({
    reminderStatus: { old: "PENDING", new: "CANCELLED" },
  });
  expect(await remindersDueInMs(t.database)).toBeNull();
  await t.pass(DAY);
  expect(await trigger()).toBe(false);
  await reset(t);
  expect(await schedule()).toEqual(["P1D cancelled", "1 hour pending"]);
  expect(await next()).toEqual(["1 hour", "pending"]);
  await t.pass(DAY);
  expect([await trigger(), (await told()).length]).toEqual([true, 1]);
  await complete(t);
  await reset(t);
  expect(await schedule()).toEqual(["P1D cancelled", "1 hour triggered"]);
});

it("is cancelled by a deletion and by archiving, and comes back with a restore", async () => {
  const { t, schedule } = await due(["1 hour"], { dueDate: new Date("2999-01-01") });
  await deleteTask(t.as(), first);
  expect(await schedule()).toEqual(["1 hour cancelled"]);
  await restoreTask(t.as(), first);
  expect(await schedule()).toEqual(["1 hour pending"]);
  await updateTasks(t.as(), { filter: { projects: ["alpha"] }, set: { delete: true } });
  expect(await schedule()).toEqual(["1 hour cancelled"]);
  expect((await t.events()).at(-1)?.payload["changes"]).toMatchObject({ reminderStatus: { new: "CANCELLED" } });
  await t.pass(2 * DAY);
  await archiveSettled(t.as(SERVER), 1);
  await restoreTask(t.as(), first);
  expect(await schedule()).toEqual(["1 hour pending"]);
});

it("waits while its project is archived, and not longer", async () => {
  const { t, trigger } = await due(["1 hour"]);
  const archive = (at: string) => t.owner.query(`UPDATE projects SET archived_at = ${at}`);
  await archive("docket_now()");
  await t.pass(2 * DAY);
  expect([await remindersDueInMs(t.database), await trigger()]).toEqual([null, false]);
  await archive("NULL");
  expect([await remindersDueInMs(t.database), await trigger()]).toEqual([expect.any(Number), true]);
});

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
  const NEEDS = "Reminder offset requires a due date: give dueDate, or take the reminders away with reminders: [].";
  expect(await update({ dueDate: null })).toBe(NEEDS);
  expect(await update({ reminders: reminders(11) })).toContain("reminders: must have at most 10 entries");
  expect(await update({ dueDate: null, reminders: [] })).toBe("updated");
  expect(await update({ reminderOffset: "1 hour" })).toBe(NEEDS);
  expect(await update({ dueDate, reminderOffset: "1 hour" })).toBe("updated");
  await expect(updateTasks(t.as(), { filter: { projects: ["alpha"] }, set: { dueDate: null } })).rejects.toThrow(
    "alpha/TASK-001: Reminder offset requires a due date",
  );
});

it("is acknowledged once it was triggered, and not before", async () => {
  const { t, trigger, next } = await due(["1 hour"]);
  const { rows } = await t.owner.query<{ reminder_id: string }>("SELECT reminder_id FROM reminder_schedule");
  const reminderId = rows[0]?.reminder_id ?? "";
  const acknowledge = (projectIds: string[] | null = null, id = reminderId) =>
    acknowledgeReminder(t.as({ projectIds }), { reminderId: id });
  await expect(acknowledge()).rejects.toThrow("The reminder is PENDING; only one that was TRIGGERED is acknowledged.");
  await t.pass(2 * DAY);
  await trigger();
  for (const foreign of [
    () => acknowledge(["beta"]),
    () => acknowledge(null, "none"),
    () => acknowledge(null, reminderId.replace(/[^-]/g, "0")),
  ])
    await expect(foreign()).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(await acknowledge(["alpha"])).toMatchObject({ projectId: "alpha", reminderId });
  // However the ID is written.
  expect(await acknowledge(null, reminderId.toUpperCase())).toMatchObject({ reminderId });
  expect(await next()).toEqual(["1 hour", "acknowledged"]);
  const acknowledged = (await t.events()).filter(({ type }) => type === "task.reminder.acknowledged");
  expect(acknowledged).toMatchObject([
    {
      subject_id: "TASK-001",
      payload: { reminderId, changes: { reminderStatus: { old: "TRIGGERED", new: "ACKNOWLEDGED" } } },
    },
  ]);
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
