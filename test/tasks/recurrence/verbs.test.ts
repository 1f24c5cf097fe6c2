import { expect, test } from "vitest";
import { addTasks } from "../../../src/tasks/add.ts";
import { claimNextTask } from "../../../src/tasks/claim-next.ts";
import { completeAndClaimNext } from "../../../src/tasks/complete-and-claim-next.ts";
import { taskCounts } from "../../../src/tasks/counts.ts";
import { deleteTask } from "../../../src/tasks/delete.ts";
import { addDependency } from "../../../src/tasks/dependencies/add.ts";
import { listTasks } from "../../../src/tasks/list.ts";
import type { AddTaskItem } from "../../../src/tasks/new-task.ts";
import { parkTask } from "../../../src/tasks/park.ts";
import { moveInQueue } from "../../../src/tasks/queue/move-in-queue.ts";
import { pauseRecurrence, resumeRecurrence } from "../../../src/tasks/recurrence/pause.ts";
import { skipOccurrence } from "../../../src/tasks/recurrence/skip.ts";
import { upcomingOccurrences } from "../../../src/tasks/recurrence/upcoming.ts";
import { releaseTask } from "../../../src/tasks/release.ts";
import { renewTaskLease } from "../../../src/tasks/renew-lease.ts";
import { statusCounts } from "../../../src/tasks/status-counts.ts";
import { unparkTask } from "../../../src/tasks/unpark.ts";
import { updateTask } from "../../../src/tasks/update.ts";
import { updateTasks } from "../../../src/tasks/update-many.ts";
import { updateTaskStatus } from "../../../src/tasks/update-status.ts";
import { recurrenceTest } from "../../schedule/recurring.ts";

const dueDate = new Date("2026-12-08T09:00:00Z");
const daily = { dueDate, recurrencePattern: "daily" };
const date = (text: string) => new Date(`${text}T00:00:00Z`);
const refused = (message: string | RegExp) => ({
  code: "BAD_USER_INPUT",
  message: typeof message === "string" ? expect.stringContaining(message) : expect.stringMatching(message),
});

test("a recurring task that cannot be is refused by naming the item and the part that is wrong", async () => {
  const t = await recurrenceTest();
  const add = (...items: AddTaskItem[]) =>
    addTasks(t.as(), { projectId: "alpha", tasks: items.map((item) => ({ description: "x", ...item })) });
  const faults: readonly (readonly [AddTaskItem, string])[] = [
    [{ dueDate, recurrencePattern: "hourly" }, 'tasks[0].recurrencePattern: "hourly"'],
    [{ ...daily, recurrenceTimeZone: "+02:00" }, 'tasks[0].recurrenceTimeZone: "+02:00"'],
    [
      { ...daily, recurrenceEndDate: date("2026-12-07") },
      "tasks[0].recurrenceEndDate: its first occurrence is 2026-12-08",
    ],
    [{ recurrencePattern: "daily" }, "Recurrence requires a due date"],
    [{ ...daily, dueDate: new Date("9900-01-01T00:00:00Z") }, "tasks[0].dueDate: a recurring task is due before"],
    [{ dueDate, catchUp: "all" }, "tasks[0].catchUp: needs a recurrencePattern"],
    [{ dueDate, recurrenceTimeZone: "UTC" }, "tasks[0].recurrenceTimeZone: needs a recurrencePattern"],
    [{ ...daily, status: "in_progress" }, "tasks[0]: a recurring task comes PENDING"],
    [{ ...daily, artifactId: "HLS-001" }, "tasks[0]: artifactId does not go with recurrencePattern"],
    [{ ...daily, dueDate: new Date("2026-12-07T11:59:00Z") }, "Due date must be in the future"],
  ];
  for (const [item, message] of faults) await expect(add(item)).rejects.toMatchObject(refused(message));
  await expect(add({ ...daily, key: "a" }, { dependsOn: ["a"] })).rejects.toMatchObject(
    refused("tasks[1]: tasks[0] recurs, so that nothing can wait for it"),
  );
  const latest = { recurrencePattern: "yearly", dueDate: new Date("9899-12-31T23:59:59Z") };
  const template = (await add(latest)).tasks[0]?.taskId ?? "";
  const late = { projectId: "alpha", taskId: template, dueDate: new Date("9900-01-01T00:00:00Z") };
  await expect(updateTask(t.as(), late)).rejects.toMatchObject(refused("dueDate: a recurring task is due before"));
  await expect(add({ dependsOn: [template] })).rejects.toMatchObject(refused(`${template} is the template`));
  const waits = { projectId: "alpha", taskId: "TASK-001", dependsOn: { taskId: template } };
  await expect(addDependency(t.as(), waits)).rejects.toMatchObject(refused(`${template} is the template`));
  await addDependency(t.as(), { ...waits, kind: "relates_to" });
  await expect(add(...Array.from({ length: 101 }, () => daily))).rejects.toMatchObject(refused("101 tasks recur; 100"));
  const { tasks } = await add(...Array.from({ length: 100 }, () => daily));
  expect(tasks).toHaveLength(100);
});

test("a template is no work: it is on no list, counts nowhere and is never claimed", async () => {
  const t = await recurrenceTest();
  const template = await t.add({ ...daily, priority: 0 });
  const [instance] = await t.instances(template);
  const claimed = await claimNextTask(t.as(), { projectId: "alpha" });
  expect(claimed.taken?.taskId).toBe(instance?.taskId);
  const listed = async (filter: object) =>
    (await listTasks(t.as(), { filter: { projects: ["alpha"], ...filter } })).edges.map(({ node }) => node.taskId);
  expect(await listed({})).toEqual([instance?.taskId, "TASK-001"]);
  expect(await listed({ template: true })).toEqual([template]);
  expect(await listed({ or: [{ template: true }, { template: false }] })).toHaveLength(3);
  expect(await statusCounts(t.as(), ["alpha"])).toEqual([
    { status: "pending", count: 1 },
    { status: "in_progress", count: 1 },
    { status: "completed", count: 0 },
  ]);
  expect(await taskCounts(t.as(), { projects: ["alpha"] }, ["project"])).toEqual([{ project: "alpha", count: 2 }]);
});

test("what is done to work is refused of a template, and leaves it as it was", async () => {
  const t = await recurrenceTest();
  const taskId = await t.add(daily);
  const key = { projectId: "alpha", taskId };
  const [instance] = await t.instances(taskId);
  const state = async () => (await t.owner.query("SELECT to_jsonb(t) FROM tasks t WHERE task_id = $1", [taskId])).rows;
  const before = await state();
  const isNoWork = refused(
    `${taskId} is the template of a recurring task, on which nobody works: name one of its instances`,
  );
  const work: readonly (() => Promise<unknown>)[] = [
    () => parkTask(t.as(), { ...key, reason: "later" }),
    () => unparkTask(t.as(), key),
    () => releaseTask(t.as(), key),
    () => updateTaskStatus(t.as(), { ...key, status: "pending" }),
    () => updateTaskStatus(t.as(), { ...key, status: "pending", reset: true }),
    () => updateTaskStatus(t.as(), { ...key, status: "completed" }),
    () => updateTaskStatus(t.as({ role: "admin" }), { ...key, status: "completed" }),
    () => moveInQueue(t.as(), { ...key, first: true }),
    () => renewTaskLease(t.as(), { ...key, attempt: "1-aaaaaa" }),
    () => completeAndClaimNext(t.as(), key),
  ];
  for (const [i, act] of work.entries()) await expect(act(), `${i}`).rejects.toMatchObject(isNoWork);
  await expect(updateTaskStatus(t.as(), { ...key, status: "in_progress" })).rejects.toMatchObject({
    code: "NOT_READY",
    message: expect.stringContaining("A template: its instances are worked on."),
  });
  for (const set of [{ park: { reason: "later" } }, { unpark: true }])
    await expect(updateTasks(t.as(), { filter: { projects: ["alpha"], template: true }, set })).rejects.toMatchObject(
      refused(`alpha/${taskId}: it is the template of a recurring task`),
    );
  for (const set of ["parked_at = docket_now(), parked_reason = 'x'", "status = 'in_progress'", "status = 'completed'"])
    await expect(t.owner.query(`UPDATE tasks SET ${set} WHERE task_id = $1`, [taskId])).rejects.toMatchObject({
      constraint: "chk_template_is_no_work",
    });
  expect(await state()).toEqual(before);
  // Its instance is work like any other; and who it is for, it says of those to come.
  await parkTask(t.as(), { projectId: "alpha", taskId: instance?.taskId ?? "", reason: "later" });
  await updateTask(t.as(), { ...key, assignedTo: "anna" });
});

test("a template has no children, of whatever kind, and may be a part of something itself", async () => {
  const t = await recurrenceTest();
  const taskId = await t.add(daily);
  const below = refused(
    `${taskId} is the template of a recurring task, and has no children: put it below one of its instances`,
  );
  const add = (...tasks: AddTaskItem[]) => addTasks(t.as(), { projectId: "alpha", tasks });
  await expect(add({ description: "a", parentTaskId: taskId })).rejects.toMatchObject(below);
  await expect(add({ description: "a", parentTaskId: taskId, ...daily })).rejects.toMatchObject(below);
  await expect(
    add({ description: "a", key: "a", ...daily }, { description: "b", parentKey: "a" }),
  ).rejects.toMatchObject(refused("tasks[1]: tasks[0] recurs, so that nothing can wait for it or be a part of it"));
  await expect(
    updateTask(t.as(), { projectId: "alpha", taskId: "TASK-001", parentTaskId: taskId }),
  ).rejects.toMatchObject(below);
  for (const statement of [
    "INSERT INTO tasks (project_id, task_id, description, parent_task_id) VALUES ('alpha', 'TASK-900', 'x', $1)",
    "UPDATE tasks SET parent_task_id = $1 WHERE task_id = 'TASK-001'",
  ])
    await expect(t.owner.query(statement, [taskId])).rejects.toMatchObject({
      constraint: "chk_template_has_no_children",
    });
  await updateTask(t.as(), { projectId: "alpha", taskId, parentTaskId: "TASK-001" });
  const [instance] = await t.instances(taskId);
  await add({ description: "part", parentTaskId: instance?.taskId ?? "" });
});

test("a change of the template counts for what is due from now on, one of an instance for that alone", async () => {
  const t = await recurrenceTest();
  const taskId = await t.add(daily);
  const [first] = await t.instances(taskId);
  const instance = first?.taskId ?? "";
  await updateTask(t.as(), {
    projectId: "alpha",
    taskId: instance,
    title: "moved",
    dueDate: new Date("2026-12-08T15:00:00Z"),
  });
  await updateTask(t.as(), { projectId: "alpha", taskId, title: "Retro", recurrencePattern: "weekly:FRI" });
  await t.sweepAt("2026-12-11T08:00:00Z");
  expect((await t.instances(taskId)).map(({ date: on, due }) => [on, due.toISOString()])).toEqual([
    ["2026-12-08", "2026-12-08T15:00:00.000Z"],
    ["2026-12-11", "2026-12-11T09:00:00.000Z"],
  ]);
  // Due at another time and in another zone.
  await updateTask(t.as(), {
    projectId: "alpha",
    taskId,
    recurrenceTimeZone: "Europe/Berlin",
    dueDate: new Date("2026-12-12T06:00:00Z"),
  });
  await t.sweepAt("2026-12-18T08:00:00Z");
  expect((await t.instances(taskId)).at(-1)?.due.toISOString()).toBe("2026-12-18T06:00:00.000Z");
  // A date that is over by then is left out, whatever catchUp says.
  await updateTask(t.as(), { projectId: "alpha", taskId, recurrencePattern: "daily", catchUp: "all" });
  await t.sweep();
  expect(await t.dates(taskId)).toEqual(["2026-12-08", "2026-12-11", "2026-12-18"]);
  await t.sweepAt("2026-12-19T08:00:00Z");
  expect((await t.dates(taskId)).at(-1)).toBe("2026-12-19");

  const update = (input: object) => updateTask(t.as(), { projectId: "alpha", taskId, ...input });
  await expect(update({ recurrencePattern: "monthly:32" })).rejects.toMatchObject(refused('recurrencePattern: "32"'));
  await expect(update({ recurrencePattern: null })).rejects.toMatchObject(refused("pauseRecurrence"));
  await expect(update({ dueDate: null })).rejects.toMatchObject(refused("Recurrence requires a due date"));
  await expect(update({ taskId: instance, recurrencePattern: "daily" })).rejects.toMatchObject(refused(taskId));
  await expect(update({ taskId: "TASK-001", recurrencePattern: "daily" })).rejects.toMatchObject(
    refused("does not recur"),
  );
  await expect(
    updateTasks(t.as(), { filter: { projects: ["alpha"], template: true }, set: { dueDate: null } }),
  ).rejects.toMatchObject(refused("Recurrence requires a due date"));
});

test("a paused task makes nothing, and goes on with what is due after it was resumed", async () => {
  const t = await recurrenceTest();
  const taskId = await t.add({ ...daily, catchUp: "all" });
  const key = { projectId: "alpha", taskId };
  const upcoming = async () =>
    (await upcomingOccurrences(t.as(), { ...key, first: 3 })).map((one) => one.date.toISOString().slice(0, 10));
  await pauseRecurrence(t.as(), key);
  await pauseRecurrence(t.as(), key);
  expect(await upcoming()).toEqual(["2026-12-08"]);
  await t.sweepAt("2026-12-11T10:00:00Z");
  expect(await t.dates(taskId)).toEqual(["2026-12-08"]);
  // What is changed meanwhile lets it be.
  await updateTask(t.as(), { ...key, recurrencePattern: "weekly:FRI,SAT" });
  await t.sweep();
  expect(await upcoming()).toEqual([]);
  await resumeRecurrence(t.as(), key);
  await t.sweep();
  expect(await upcoming()).toEqual(["2026-12-12", "2026-12-18", "2026-12-19"]);
  await t.sweepAt("2026-12-12T00:00:00Z");
  expect(await t.dates(taskId)).toEqual(["2026-12-08", "2026-12-12"]);
  const told = (await t.events()).filter(({ type }) => type.startsWith("task.recurrence_"));
  expect(told.map(({ type }) => type)).toEqual(["task.recurrence_paused", "task.recurrence_resumed"]);
  await expect(pauseRecurrence(t.as(), { ...key, taskId: "TASK-001" })).rejects.toMatchObject(
    refused("does not recur"),
  );
  await expect(pauseRecurrence(t.as({ role: "reader" }), key)).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(pauseRecurrence(t.as({ projectIds: ["beta"] }), key)).rejects.toMatchObject({
    code: "PROJECT_NOT_FOUND",
  });
});

test("a date that is skipped gets no instance, and the one before it keeps its own", async () => {
  const t = await recurrenceTest();
  const taskId = await t.add(daily);
  const skip = (on: string) => skipOccurrence(t.as(), { projectId: "alpha", taskId, date: date(on) });
  await expect(skip("2026-12-08")).rejects.toMatchObject(refused("has its instance already"));
  await expect(skip("2026-12-07")).rejects.toMatchObject(
    refused("does not recur on 2026-12-07; the next date from there is 2026-12-08"),
  );
  await skip("2026-12-09");
  await skip("2026-12-09");
  await skip("2026-12-11");
  const upcoming = await upcomingOccurrences(t.as(), { projectId: "alpha", taskId, first: 3 });
  const [first] = await t.instances(taskId);
  expect(upcoming).toEqual([
    { date: date("2026-12-08"), dueDate, instance: { projectId: "alpha", taskId: first?.taskId } },
    { date: date("2026-12-10"), dueDate: new Date("2026-12-10T09:00:00Z"), instance: null },
    { date: date("2026-12-12"), dueDate: new Date("2026-12-12T09:00:00Z"), instance: null },
  ]);
  for (const day of ["09", "10", "11", "12"]) await t.sweepAt(`2026-12-${day}T01:00:00Z`);
  expect(await t.dates(taskId)).toEqual(["2026-12-08", "2026-12-10", "2026-12-12"]);
  await expect(skip("2026-12-11")).rejects.toMatchObject(refused("is over"));
  const told = (await t.events()).filter(({ type }) => type === "task.occurrence_skipped");
  expect(told.map(({ payload }) => payload["date"])).toEqual(["2026-12-09", "2026-12-11"]);
  // An instance that is deleted leaves its date out, too.
  await deleteTask(t.as(), { projectId: "alpha", taskId: (await t.instances(taskId)).at(-1)?.taskId ?? "" });
  await t.sweep();
  expect(await t.dates(taskId)).toHaveLength(3);
  const [next] = await upcomingOccurrences(t.as(), { projectId: "alpha", taskId, first: 1 });
  expect(next?.date).toEqual(date("2026-12-13"));
});
