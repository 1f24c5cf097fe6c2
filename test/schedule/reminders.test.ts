import { expect, it } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { remindersDueInMs } from "../../src/schedule/due.ts";
import { acknowledgeReminder } from "../../src/schedule/reminders/acknowledge.ts";
import { archiveSettled } from "../../src/tasks/archive.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { restoreTask } from "../../src/tasks/restore.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTasks } from "../../src/tasks/update-many.ts";
import { ahead, complete, DAY, due, first, HOUR, reset, setDue } from "./reminding.ts";

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
