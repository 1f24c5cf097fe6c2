import { expect, test } from "vitest";
import { archiveProject } from "../../src/projects/archive.ts";
import { instancesDueInMs, lookAgainByNewerZones, makeDueInstances } from "../../src/schedule/due-instances.ts";
import { readPattern } from "../../src/schedule/recurrence/pattern.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { skipOccurrence } from "../../src/tasks/recurrence/skip.ts";
import { upcomingOccurrences } from "../../src/tasks/recurrence/upcoming.ts";
import { restoreTask } from "../../src/tasks/restore.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { seedTasks } from "../support/verbs.ts";
import { recurrenceTest } from "./recurring.ts";

const daily = { dueDate: new Date("2026-12-08T09:00:00Z"), recurrencePattern: "daily" };

test("makes an instance at the first instant of its date in the task's zone, not before, and one alone", async () => {
  const t = await recurrenceTest();
  const berlin = await t.add({
    ...daily,
    dueDate: new Date("2026-12-08T08:00:00Z"),
    recurrenceTimeZone: "Europe/Berlin",
  });
  expect(await t.dates(berlin)).toEqual(["2026-12-08"]);
  await t.sweepAt("2026-12-08T22:59:00Z");
  expect(await t.dates(berlin)).toEqual(["2026-12-08"]);
  expect(await instancesDueInMs(t.database)).toBeGreaterThan(0);
  await t.sweepAt("2026-12-08T23:00:00Z");
  expect((await t.instances(berlin)).map(({ date, due }) => [date, due.toISOString()])).toEqual([
    ["2026-12-08", "2026-12-08T08:00:00.000Z"],
    ["2026-12-09", "2026-12-09T08:00:00.000Z"],
  ]);
  await t.sweep();
  // The open ones of before do not stop it, and there is an event for each.
  await t.sweepAt("2026-12-09T23:00:00Z");
  const instances = await t.instances(berlin);
  expect(instances).toHaveLength(3);
  const created = (await t.events()).filter(({ type }) => type === "task.created").map((event) => event.subject_id);
  expect(created).toEqual([berlin, ...instances.map(({ taskId }) => taskId)]);
});

test("the first is made at once however far ahead it lies, and the second when that one's date has begun", async () => {
  const t = await recurrenceTest();
  const far = await t.add({ dueDate: new Date("2027-03-01T09:00:00Z"), recurrencePattern: "weekly:WED" });
  expect(await t.dates(far)).toEqual(["2027-03-03"]);
  await t.sweepAt("2027-03-02T23:59:00Z");
  expect(await t.dates(far)).toEqual(["2027-03-03"]);
  await t.sweepAt("2027-03-10T00:00:00Z");
  expect(await t.dates(far)).toEqual(["2027-03-03", "2027-03-10"]);
});

test("an instance whose first reminder comes before its date is made at that time, and reminds then", async () => {
  const t = await recurrenceTest();
  const day = await t.add({ ...daily, reminders: [{ offset: "1 day" }, { offset: "1 hour" }] });
  const week = await t.add({
    dueDate: new Date("2026-12-09T09:00:00Z"),
    recurrencePattern: "weekly:WED",
    reminderOffset: "1 week",
  });
  await t.sweepAt("2026-12-08T08:59:59Z");
  expect(await t.dates(day)).toEqual(["2026-12-08"]);
  await t.sweepAt("2026-12-08T09:00:00Z");
  expect(await t.dates(day)).toEqual(["2026-12-08", "2026-12-09"]);
  await t.sweepAt("2026-12-09T08:59:59Z");
  expect(await t.dates(week)).toEqual(["2026-12-09"]);
  await t.sweepAt("2026-12-09T09:00:00Z");
  expect(await t.dates(week)).toEqual(["2026-12-09", "2026-12-16"]);
  const [, ahead] = await t.instances(week);
  const { rows } = await t.owner.query(
    "SELECT trigger_at, status FROM reminder_schedule WHERE project_id = 'alpha' AND task_id = $1",
    [ahead?.taskId],
  );
  expect(rows).toEqual([{ trigger_at: new Date("2026-12-09T09:00:00Z"), status: "pending" }]);
  // Without its reminder the next one is made on its date.
  await updateTask(t.as(), { projectId: "alpha", taskId: week, reminders: [] });
  await t.sweepAt("2026-12-22T23:59:59Z");
  expect((await t.dates(week)).at(-1)).toBe("2026-12-16");
  await t.sweepAt("2026-12-23T00:00:00Z");
  expect((await t.dates(week)).at(-1)).toBe("2026-12-23");
});

test("what was missed follows catchUp: the latest, each, or none but today's", async () => {
  const t = await recurrenceTest();
  const weekly = { dueDate: new Date("2026-12-08T09:00:00Z"), recurrencePattern: "weekly:TUE,THU" };
  const one = await t.add(weekly);
  const all = await t.add({ ...weekly, catchUp: "all" });
  const none = await t.add({ ...weekly, catchUp: "none" });
  const today = await t.add({ ...daily, catchUp: "none" });
  const latest = await t.add(daily);
  // A Wednesday, three weeks on.
  await t.sweepAt("2026-12-30T10:00:00Z");
  expect(await t.dates(one)).toEqual(["2026-12-08", "2026-12-29"]);
  const every = ["2026-12-08", "2026-12-10", "2026-12-15", "2026-12-17", "2026-12-22", "2026-12-24", "2026-12-29"];
  expect(await t.dates(all)).toEqual(every);
  expect(await t.dates(none)).toEqual(["2026-12-08"]);
  expect(await t.dates(today)).toEqual(["2026-12-08", "2026-12-30"]);
  expect(await t.dates(latest)).toEqual(["2026-12-08", "2026-12-30"]);
  await t.sweepAt("2026-12-31T00:00:00Z");
  for (const taskId of [one, all, none, today]) expect((await t.dates(taskId)).at(-1)).toBe("2026-12-31");
});

test("no more than a hundred dates are made up for", async () => {
  const t = await recurrenceTest();
  const all = await t.add({ ...daily, catchUp: "all" });
  await t.sweepAt("2027-12-08T10:00:00Z");
  const dates = await t.dates(all);
  // The first one, a hundred that were missed, and today's.
  expect(dates).toHaveLength(102);
  expect([dates[1], dates.at(-1)]).toEqual(["2027-08-30", "2027-12-08"]);
});

test("what a template says, waits for and is a part of goes over to its instances", async () => {
  const t = await recurrenceTest();
  await seedTasks(t, "beta", 1);
  const { tasks } = await addTasks(t.as(), { projectId: "alpha", tasks: [{ description: "parent" }] });
  const parent = tasks[0]?.taskId ?? "";
  const taskId = await t.add({
    ...daily,
    title: "Stand-up",
    labels: ["team"],
    skills: ["go"],
    assignedTo: "anna",
    priority: 1,
    metadata: { estimated_hours: 1 },
    parentTaskId: parent,
    dependsOn: ["beta/TASK-001"],
  });
  await t.sweepAt("2026-12-09T00:00:00Z");
  const { rows } = await t.owner.query(
    `SELECT title, description, labels, skills, assigned_to, priority, metadata, parent_task_id, depth, open_blockers,
       is_template, recurrence_pattern FROM tasks WHERE parent_recurring_task_id = $1`,
    [taskId],
  );
  const copy = {
    ...{
      title: "Stand-up",
      description: "stand-up",
      labels: ["team"],
      skills: ["go"],
      assigned_to: "anna",
      priority: 1,
    },
    ...{ metadata: { estimated_hours: 1 }, parent_task_id: parent, depth: 1, open_blockers: 1 },
    ...{ is_template: false, recurrence_pattern: null },
  };
  expect(rows).toEqual([copy, copy]);
  // Two instances are open below it; the template is no work.
  const open = await t.owner.query("SELECT open_children FROM tasks WHERE task_id = $1 AND project_id = 'alpha'", [
    parent,
  ]);
  expect(open.rows).toEqual([{ open_children: 2 }]);
  // Once that is put away its instances are parts of nothing.
  await t.owner.query(
    "UPDATE tasks SET deleted_at = docket_now() WHERE project_id = 'alpha' AND (task_id = $1 OR parent_recurring_task_id = $2)",
    [parent, taskId],
  );
  await t.sweepAt("2026-12-10T00:00:00Z");
  const later = await t.owner.query("SELECT parent_task_id FROM tasks WHERE occurrence_date = '2026-12-10'");
  expect(later.rows).toEqual([{ parent_task_id: null }]);
});

test("nothing is made of what was deleted or whose project is archived; what comes back goes on from then", async () => {
  const t = await recurrenceTest();
  const taskId = await t.add({ ...daily, catchUp: "all" });
  await deleteTask(t.as(), { projectId: "alpha", taskId });
  await t.sweepAt("2026-12-10T10:00:00Z");
  expect(await instancesDueInMs(t.database)).toBeNull();
  await restoreTask(t.as(), { projectId: "alpha", taskId });
  await t.sweep();
  expect(await t.dates(taskId)).toEqual(["2026-12-08"]);
  await t.sweepAt("2026-12-11T00:00:00Z");
  expect(await t.dates(taskId)).toEqual(["2026-12-08", "2026-12-11"]);
  await archiveProject(t.as({ role: "admin" }), { projectId: "alpha" });
  await t.sweepAt("2026-12-12T00:00:00Z");
  expect(await instancesDueInMs(t.database)).toBeNull();
  expect(await t.dates(taskId)).toHaveLength(2);
});

test("a row of plain SQL recurs like any other, and one that cannot be read keeps no other waiting", async () => {
  const t = await recurrenceTest();
  const insert = `INSERT INTO tasks (project_id, task_id, description, due_date, recurrence_pattern)
    VALUES ('alpha', $1, 'plain', '2026-12-08T09:00:00Z', $2)`;
  for (const wrong of [
    "never",
    "hourly",
    "",
    "monthly:+1",
    "monthly:01",
    "monthly:32",
    "weekly:MON,",
    "custom:0d",
    "FREQ=HOURLY",
    "INTERVAL=2",
  ])
    await expect(t.owner.query(insert, ["TASK-900", wrong]), wrong).rejects.toMatchObject({ code: "23514" });
  const right = [
    ...["daily:", "Daily", "weekly", "weekly:mon,WED", "monthly:", "monthly:1,15,31", "yearly:", "custom:1000d"],
    ...[
      "RRULE:FREQ=WEEKLY",
      "freq=monthly;byday=-1FR",
      "INTERVAL=2;FREQ=DAILY;UNTIL=20300101T230000Z",
      "FREQ=MONTHLY;BYMONTHDAY=+1,-01",
    ],
  ];
  for (const [i, pattern] of right.entries()) {
    readPattern(pattern);
    await t.owner.query(insert, [`TASK-${910 + i}`, pattern]);
  }
  await expect(
    t.owner.query("UPDATE tasks SET recurrence_time_zone = '+02:00' WHERE task_id = 'TASK-910'"),
  ).rejects.toMatchObject({ constraint: "chk_recurrence_time_zone" });
  // What has the shape of one, and is none.
  await t.owner.query(insert, ["TASK-901", "FREQ=DAILY;COUNT=2;UNTIL=20300101"]);
  const key = { projectId: "alpha", taskId: "TASK-901" };
  const unreadable = {
    code: "BAD_USER_INPUT",
    message: expect.stringMatching(
      /^TASK-901 does not recur, as its recurrencePattern cannot be read: COUNT and UNTIL.*updateTask/,
    ),
  };
  await expect(upcomingOccurrences(t.as(), key)).rejects.toMatchObject(unreadable);
  await expect(skipOccurrence(t.as(), { ...key, date: new Date("2026-12-08") })).rejects.toMatchObject(unreadable);
  await t.owner.query(insert, ["TASK-902", "daily"]);
  await t.sweep();
  expect(await t.dates("TASK-901")).toEqual([]);
  expect(await t.dates("TASK-902")).toEqual(["2026-12-08"]);
  await t.owner.query("UPDATE tasks SET recurrence_pattern = 'weekly:WED' WHERE task_id = 'TASK-901'");
  await t.sweep();
  expect(await t.dates("TASK-901")).toEqual(["2026-12-09"]);
});

test("a project without free IDs keeps no other waiting, and is tried again", async () => {
  const t = await recurrenceTest();
  await seedTasks(t, "beta", 1);
  const full = await t.add(daily);
  const changed = await t.add({ ...daily, catchUp: "all" });
  await updateTask(t.as(), { projectId: "alpha", taskId: changed, recurrencePattern: "FREQ=DAILY" });
  const { tasks } = await addTasks(t.as(), { projectId: "beta", tasks: [{ description: "b", ...daily }] });
  const counter = (value: number) =>
    t.owner.query("UPDATE id_registry SET last_assigned_id = $1 WHERE namespace = 'alpha' AND artifact_type = 'TASK'", [
      value,
    ]);
  await counter(2_147_483_647);
  await t.sweepAt("2026-12-09T00:00:00Z");
  const ofBeta = await t.owner.query("SELECT FROM tasks WHERE project_id = 'beta' AND parent_recurring_task_id = $1", [
    tasks[0]?.taskId,
  ]);
  expect(ofBeta.rowCount).toBe(2);
  expect(await t.dates(full)).toHaveLength(1);
  // Whatever falls due in the meantime is not lost, nor that it was changed.
  await t.sweepAt("2026-12-10T10:00:00Z");
  await updateTask(t.as(), { projectId: "alpha", taskId: changed, recurrencePattern: "daily" });
  await t.sweepAt("2026-12-11T10:00:00Z");
  await counter(500);
  await t.sweepAt("2026-12-11T10:11:00Z");
  expect(await t.dates(full)).toEqual(["2026-12-08", "2026-12-11"]);
  expect(await t.dates(changed)).toEqual(["2026-12-08", "2026-12-09", "2026-12-10", "2026-12-11"]);
});

test("what could not be made for want of time or locks is tried again after seconds", async () => {
  const t = await recurrenceTest();
  const taskId = await t.add(daily);
  await t.owner.query(`CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'late' USING ERRCODE = '57014'; END $$;
    CREATE TRIGGER late BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION late()`);
  await t.sweepAt("2026-12-09T00:00:00Z");
  await t.owner.query("DROP TRIGGER late ON tasks; DROP FUNCTION late()");
  const dueInMs = (await instancesDueInMs(t.database)) ?? Number.NaN;
  expect([dueInMs, dueInMs > 0 && dueInMs <= 5_000]).toEqual([dueInMs, true]);
  await t.sweepAt("2026-12-09T00:00:06Z");
  expect(await t.dates(taskId)).toEqual(["2026-12-08", "2026-12-09"]);
});

test("newer zone data moves the instants, and no date", async () => {
  const t = await recurrenceTest();
  const taskId = await t.add({ ...daily, recurrenceTimeZone: "America/New_York" });
  const state = async () => (await t.owner.query("SELECT next_on::text, next_at, tz_version FROM recurrences")).rows[0];
  const right = await state();
  await t.owner.query("UPDATE recurrences SET next_at = next_at + interval '1 hour', tz_version = '2001a'");
  await lookAgainByNewerZones(t.database);
  await t.sweep();
  expect(await state()).toEqual(right);
  expect(await t.dates(taskId)).toHaveLength(1);
});

test("two that sweep at once make each instance once", async () => {
  const t = await recurrenceTest();
  for (let i = 0; i < 12; i++) await t.add(daily);
  await t.until("2026-12-09T00:00:00Z");
  for (let round = 0; round < 4; round++) await Promise.all([1, 2, 3].map(() => makeDueInstances(t.as())));
  const { rows } = await t.owner.query(
    "SELECT count(*)::int AS made, count(DISTINCT parent_recurring_task_id)::int AS templates FROM tasks WHERE occurrence_date = '2026-12-09'",
  );
  expect(rows).toEqual([{ made: 12, templates: 12 }]);
});
