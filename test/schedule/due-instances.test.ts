import { expect, test } from "vitest";
import { archiveProject } from "../../src/projects/archive.ts";
import { instancesDueInMs, lookAgainByNewerZones, makeDueInstances } from "../../src/schedule/due-instances.ts";
import { readPattern } from "../../src/schedule/recurrence/pattern.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { pauseRecurrence, resumeRecurrence } from "../../src/tasks/recurrence/pause.ts";
import { skipOccurrence } from "../../src/tasks/recurrence/skip.ts";
import { upcomingOccurrences } from "../../src/tasks/recurrence/upcoming.ts";
import { restoreTask } from "../../src/tasks/restore.ts";
import type { TaskKey } from "../../src/tasks/task.ts";
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

test("what recurs earlier, more often or in another zone goes on at once, and has no date twice", async () => {
  const t = await recurrenceTest();
  const change = (taskId: string, said: object) => updateTask(t.as(), { projectId: "alpha", taskId, ...said });
  const far = await t.add({ dueDate: new Date("2027-06-01T09:00:00Z"), recurrencePattern: "daily" });
  const yearly = await t.add({ ...daily, recurrencePattern: "yearly" });
  const east = await t.add({ dueDate: new Date("2026-12-08T23:00:00Z"), recurrencePattern: "daily" });
  await change(far, { dueDate: new Date("2026-12-08T09:00:00Z") });
  await change(yearly, { recurrencePattern: "daily" });
  await change(east, { recurrenceTimeZone: "Asia/Tokyo" });
  await t.sweepAt("2026-12-10T09:00:00Z");
  expect(await t.dates(far)).toEqual(["2026-12-10", "2027-06-01"]);
  expect((await t.dates(yearly)).slice(0, 2)).toEqual(["2026-12-08", "2026-12-10"]);
  const due = (await t.instances(east)).map((one) => one.due.toISOString());
  expect(due).toEqual([...new Set(due)]);
  expect(due[0]).toBe("2026-12-08T23:00:00.000Z");
  const upcoming = await upcomingOccurrences(t.as(), { projectId: "alpha", taskId: far, first: 1 });
  expect(upcoming).toMatchObject([{ date: new Date("2026-12-11T00:00:00Z"), instance: null }]);
});

test.each(["04", "16"])(
  "what moves to another zone keeps every occurrence, each once, both ways, at %s o'clock",
  async (hour) => {
    const t = await recurrenceTest();
    // Due at one o'clock by UTC: in New York on the evening before.
    const instants = (last: number) =>
      Array.from({ length: last - 7 }, (_, i) => new Date(Date.UTC(2026, 11, 8 + i, 1)).toISOString());
    const rule = { dueDate: new Date("2026-12-08T01:00:00Z"), recurrencePattern: "daily", catchUp: "all" };
    const moves: { taskId: string; from: string; to: string }[] = [];
    for (const [from, to] of [
      ["Asia/Tokyo", "America/New_York"],
      ["America/New_York", "Asia/Tokyo"],
      ["Pacific/Kiritimati", "Pacific/Pago_Pago"],
      ["Pacific/Pago_Pago", "Pacific/Kiritimati"],
    ] as const)
      moves.push({ from, to, taskId: await t.add({ ...rule, recurrenceTimeZone: from }) });
    const until = async (from: number, to: number) => {
      for (let day = from; day <= to; day++) await t.sweepAt(`2026-12-${day}T23:00:00Z`);
    };
    const due = async (taskId: string) => (await t.instances(taskId)).map((one) => one.due.toISOString()).toSorted();
    const move = (taskId: string, recurrenceTimeZone: string) =>
      updateTask(t.as(), { projectId: "alpha", taskId, recurrenceTimeZone });
    await t.sweepAt(`2026-12-09T${hour}:00:00Z`);
    for (const { taskId, to } of moves) {
      await move(taskId, to);
      await t.sweep();
      const upcoming = await upcomingOccurrences(t.as(), { projectId: "alpha", taskId, first: 3 });
      expect(upcoming.map((one) => one.dueDate.toISOString())).toEqual(instants(12).slice(-3));
    }
    await until(10, 12);
    for (const { taskId, from } of moves) {
      expect((await due(taskId)).slice(0, 5)).toEqual(instants(12));
      await move(taskId, from);
    }
    await until(13, 15);
    for (const { taskId } of moves) {
      const all = await due(taskId);
      expect(all).toEqual(instants(Number(all.at(-1)?.slice(8, 10))));
      expect(all.length).toBeGreaterThanOrEqual(8);
    }
  },
);

test("in another zone a date that has its instance gets no other at that zone's time of day", async () => {
  const t = await recurrenceTest();
  const nine = {
    dueDate: new Date("2026-12-08T00:00:00Z"),
    recurrencePattern: "daily",
    recurrenceTimeZone: "Asia/Tokyo",
  };
  const taskId = await t.add({ ...nine, catchUp: "all" });
  const change = (said: object, of = taskId) => updateTask(t.as(), { projectId: "alpha", taskId: of, ...said });
  await t.sweepAt("2026-12-09T16:00:00Z");
  expect(await t.dates(taskId)).toEqual(["2026-12-08", "2026-12-09", "2026-12-10"]);
  // Nine o'clock there, as it was nine here.
  await change({ recurrenceTimeZone: "America/New_York", dueDate: new Date("2026-12-10T14:00:00Z") });
  await t.sweepAt("2026-12-11T23:00:00Z");
  expect(await t.dates(taskId)).toEqual(["2026-12-08", "2026-12-09", "2026-12-10", "2026-12-11"]);
  // One that a person put off to the time of the next one stays the instance of its own date.
  const [, , , last] = await t.instances(taskId);
  await change({ dueDate: new Date("2026-12-12T14:00:00Z") }, last?.taskId);
  await change({ recurrencePattern: "FREQ=DAILY" });
  await t.sweepAt("2026-12-12T23:00:00Z");
  expect((await t.dates(taskId)).slice(3)).toEqual(["2026-12-11", "2026-12-12"]);
});

test("what was missed before a change, a pause or a deletion is made up for, and what fell within those is not", async () => {
  const t = await recurrenceTest();
  const weekly = { projectId: "alpha", recurrencePattern: "weekly:MON" };
  const changes: Readonly<Record<string, readonly ((key: TaskKey) => Promise<unknown>)[]>> = {
    changed: [(key) => updateTask(t.as(), { ...key, ...weekly })],
    "changed twice": [
      async (key) => {
        await updateTask(t.as(), { ...key, recurrencePattern: "yearly" });
        await updateTask(t.as(), { ...key, ...weekly });
      },
    ],
    paused: [
      (key) => pauseRecurrence(t.as(), key),
      (key) => updateTask(t.as(), { ...key, ...weekly }),
      (key) => resumeRecurrence(t.as(), key),
    ],
    deleted: [
      (key) => deleteTask(t.as(), key),
      (key) => restoreTask(t.as(), key),
      (key) => updateTask(t.as(), { ...key, ...weekly }),
    ],
  };
  const expected = { all: ["2026-12-09", "2026-12-10", "2026-12-11"], one: ["2026-12-11"], none: [] };
  const cases: { name: string; acts: (typeof changes)[string]; missed: readonly string[]; key: TaskKey }[] = [];
  for (const [name, acts] of Object.entries(changes))
    for (const [catchUp, missed] of Object.entries(expected)) {
      const taskId = await t.add({ ...daily, catchUp });
      cases.push({ name: `${name}, ${catchUp}`, acts, missed, key: { projectId: "alpha", taskId } });
    }
  const made = async () => {
    const found: Record<string, string[]> = {};
    for (const { name, key } of cases) found[name] = (await t.dates(key.taskId)).slice(1);
    return found;
  };
  // Nobody looks until then: those of the ninth to the eleventh are missed.
  await t.until("2026-12-11T10:00:00Z");
  for (const { acts, key } of cases) await acts[0]?.(key);
  await t.until("2026-12-13T10:00:00Z");
  await t.sweep();
  const stopped = ({ name }: { readonly name: string }) => /^(paused|deleted)/.test(name);
  expect(await made()).toMatchObject(Object.fromEntries(cases.filter(stopped).map(({ name }) => [name, []])));
  for (const { acts, key } of cases) for (const act of acts.slice(1)) await act(key);
  await t.sweepAt("2026-12-13T12:00:00Z");
  expect(await made()).toEqual(Object.fromEntries(cases.map(({ name, missed }) => [name, missed])));
  await t.sweepAt("2026-12-14T00:00:00Z");
  expect(await made()).toEqual(Object.fromEntries(cases.map(({ name, missed }) => [name, [...missed, "2026-12-14"]])));
});

test("what was due on the day of a pause, but after it, was not missed", async () => {
  const t = await recurrenceTest();
  const taskId = await t.add({ ...daily, catchUp: "all" });
  const key = { projectId: "alpha", taskId };
  await t.until("2026-12-11T08:00:00Z");
  await pauseRecurrence(t.as(), key);
  await t.until("2026-12-13T10:00:00Z");
  await resumeRecurrence(t.as(), key);
  await t.sweep();
  expect(await t.dates(taskId)).toEqual(["2026-12-08", "2026-12-09", "2026-12-10"]);
});

test("of what was missed on the very day of a change its date's instance is made, whatever catchUp says, and once", async () => {
  const t = await recurrenceTest();
  const taskId = await t.add({ ...daily, catchUp: "none" });
  const key = { projectId: "alpha", taskId };
  await t.until("2026-12-10T10:00:00Z");
  // At six in the evening from now on: its date has had its own.
  await updateTask(t.as(), { ...key, dueDate: new Date("2026-12-10T18:00:00Z") });
  await t.sweep();
  expect((await t.instances(taskId)).map((one) => one.due.toISOString())).toEqual([
    "2026-12-08T09:00:00.000Z",
    "2026-12-10T09:00:00.000Z",
  ]);
  await t.sweepAt("2026-12-11T00:00:00Z");
  expect((await t.instances(taskId)).at(-1)?.due.toISOString()).toBe("2026-12-11T18:00:00.000Z");
});

test("a change of its end or its reminders forgets nothing that was missed", async () => {
  const t = await recurrenceTest();
  const all = await t.add({ ...daily, catchUp: "all" });
  await t.until("2026-12-11T10:00:00Z");
  await updateTask(t.as(), {
    ...{ projectId: "alpha", taskId: all },
    ...{ recurrenceEndDate: new Date("2027-01-31T00:00:00Z"), reminderOffset: "1 hour" },
  });
  await t.sweep();
  expect(await t.dates(all)).toEqual(["2026-12-08", "2026-12-09", "2026-12-10", "2026-12-11"]);
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
