import { expect, test } from "vitest";
import { pauseRecurrence, resumeRecurrence } from "../../../src/tasks/recurrence/pause.ts";
import { skipOccurrence } from "../../../src/tasks/recurrence/skip.ts";
import { revertChanges } from "../../../src/tasks/revert/revert.ts";
import { updateTask } from "../../../src/tasks/update.ts";
import { recurrenceTest } from "../../schedule/recurring.ts";

const dueDate = new Date("2026-12-08T09:00:00Z");
const daily = { dueDate, recurrencePattern: "daily" };
const date = (text: string) => new Date(`${text}T00:00:00Z`);

test("what a session did to a template is undone, and it recurs as before", async () => {
  const t = await recurrenceTest();
  const taskId = await t.add(daily);
  await updateTask(t.as({ client: "session-2" }), {
    projectId: "alpha",
    taskId,
    recurrencePattern: "yearly",
    recurrenceEndDate: date("2030-01-01"),
    catchUp: "all",
  });
  await t.sweep();
  const { reverted, conflicts } = await revertChanges(t.as({ role: "admin" }), {
    projectId: "alpha",
    client: "session-2",
    since: "-PT1H",
  });
  expect([reverted.map((one) => one.taskId), conflicts]).toEqual([[taskId], []]);
  await t.sweepAt("2026-12-09T00:00:00Z");
  expect(await t.dates(taskId)).toEqual(["2026-12-08", "2026-12-09"]);
});

test("what a session paused is resumed by a revert, what it resumed is paused, and dates that it left out are named", async () => {
  const t = await recurrenceTest();
  const [running, stopped, taken] = [await t.add(daily), await t.add(daily), await t.add(daily)];
  const of = (taskId: string) => ({ projectId: "alpha", taskId });
  const robot = t.as({ client: "session-2" });
  await pauseRecurrence(t.as(), of(stopped));
  await pauseRecurrence(robot, of(running));
  await resumeRecurrence(robot, of(stopped));
  await skipOccurrence(robot, { ...of(running), date: date("2026-12-10") });
  await pauseRecurrence(robot, of(taken));
  await resumeRecurrence(t.as(), of(taken));
  await pauseRecurrence(t.as(), of(taken));
  const revert = (dryRun: boolean) =>
    revertChanges(t.as({ role: "admin" }), { projectId: "alpha", client: "session-2", since: "-PT1H", dryRun });
  const paused = async () => {
    const { rows } = await t.owner.query<{ task_id: string }>(
      "SELECT task_id FROM tasks WHERE recurrence_paused_at IS NOT NULL ORDER BY 1",
    );
    return rows.map(({ task_id }) => task_id);
  };
  for (const dryRun of [true, false]) {
    const { reverted, conflicts } = await revert(dryRun);
    expect(reverted.map(({ taskId, changes }) => [taskId, Object.keys(changes)])).toEqual([
      [running, ["recurrencePausedAt"]],
      [stopped, ["recurrencePausedAt"]],
    ]);
    expect(conflicts.map(({ message }) => message)).toEqual([
      `${running} does not recur on 2026-12-10: left out dates stay so. A task for one is added with addTasks.`,
      expect.stringMatching(new RegExp(`^${taken} was paused or resumed by others since .*: it stays so`)),
    ]);
    expect(await paused()).toEqual(dryRun ? [running, taken].toSorted() : [stopped, taken].toSorted());
  }
  const told = (await t.events()).filter(({ type }) => type.startsWith("task.recurrence_")).slice(-2);
  expect(told.map(({ type, subject_id }) => [subject_id, type]).toSorted()).toEqual([
    [running, "task.recurrence_resumed"],
    [stopped, "task.recurrence_paused"],
  ]);
});
