import { expect, test } from "vitest";
import { deleteTask } from "../../src/tasks/delete.ts";
import { pauseRecurrence, resumeRecurrence } from "../../src/tasks/recurrence/pause.ts";
import { upcomingOccurrences } from "../../src/tasks/recurrence/upcoming.ts";
import { restoreTask } from "../../src/tasks/restore.ts";
import type { TaskKey } from "../../src/tasks/task.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { recurrenceTest } from "./recurring.ts";

const daily = { dueDate: new Date("2026-12-08T09:00:00Z"), recurrencePattern: "daily" };

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
