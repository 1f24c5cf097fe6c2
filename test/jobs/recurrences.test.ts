import { expect, it, onTestFinished } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { startJobs } from "../../src/jobs/jobs.ts";
import { recurrences } from "../../src/jobs/recurrences.ts";
import { archiveProject, unarchiveProject } from "../../src/projects/archive.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { pauseRecurrence, resumeRecurrence } from "../../src/tasks/recurrence/pause.ts";
import { restoreTask } from "../../src/tasks/restore.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { ManualClock } from "../log/manual-clock.ts";
import { silent } from "../log/open-log.ts";
import { contextOf, startLog } from "../log/test-log.ts";
import { passTime } from "../support/owner.ts";

const DAY_MS = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS);
const template = { projectId: "alpha", taskId: "TASK-002" };

it("hears of every change that lets an instance be made sooner, and of no other", async () => {
  const { database, log, owner } = await startLog();
  const clock = new ManualClock();
  const job = await recurrences.start({ database, log, logger: silent, clock });
  onTestFinished(() => job.close());
  const ctx = contextOf(database);
  const state = () => job.loops[0]?.state;
  let heard = 0;
  onTestFinished(
    log.onEvents((events) => {
      heard += events.length;
    }),
  );
  /** What the job does once this was done; its clock stands still but for this. */
  const wakes = async (act: () => Promise<unknown>) => {
    await expect.poll(() => clock.pending).toBe(1);
    await clock.advance(1);
    const [before, heardBefore] = [state(), heard];
    await act();
    return {
      by: () => expect.poll(() => state()?.lastRunAt).toBeGreaterThan(before?.lastRunAt ?? 0),
      not: async () => {
        await expect.poll(() => log.cursor().then(() => heard)).toBeGreaterThan(heardBefore);
        expect(state()).toEqual(before);
      },
    };
  };
  const add = (more: object) => addTasks(ctx, { projectId: "alpha", tasks: [{ description: "a", ...more }] });
  const change = (said: object) => updateTask(ctx, { ...template, ...said });
  await (await wakes(() => passTime(owner, 0))).by();
  await (await wakes(() => add({}))).not();
  await (await wakes(() => change({ taskId: "TASK-001", title: "b" }))).not();
  await (await wakes(() => add({ dueDate: inDays(2), recurrencePattern: "daily" }))).by();
  await (await wakes(() => change({ recurrencePattern: "weekly" }))).by();
  await (await wakes(() => change({ recurrenceTimeZone: "Asia/Tokyo" }))).by();
  await (await wakes(() => change({ recurrenceEndDate: new Date("2090-01-01") }))).by();
  await (await wakes(() => change({ dueDate: inDays(1) }))).by();
  await (await wakes(() => change({ reminderOffset: "1 week" }))).by();
  await pauseRecurrence(ctx, template);
  await (await wakes(() => resumeRecurrence(ctx, template))).by();
  await deleteTask(ctx, template);
  await (await wakes(() => restoreTask(ctx, template))).by();
  await archiveProject(ctx, template);
  await (await wakes(() => unarchiveProject(ctx, template))).by();
});

it("loses nothing while it is switched off: what is late then is made at once", async () => {
  const { database, log, owner } = await startLog();
  const start = (names: string) =>
    startJobs({ database, log, logger: silent, config: readConfig({ DOCKET_JOBS: names }) });
  const without = await start("-recurrences");
  const ctx = contextOf(database);
  await addTasks(ctx, {
    projectId: "alpha",
    tasks: [{ description: "a", dueDate: inDays(1), recurrencePattern: "daily", catchUp: "all" }],
  });
  const made = async () =>
    (await owner.query("SELECT FROM tasks WHERE parent_recurring_task_id IS NOT NULL AND due_date <= docket_now()"))
      .rowCount;
  await passTime(owner, 4.5 * 86_400);
  await expect
    .poll(async () => (await without.state()).find(({ name }) => name === "recurrences"))
    .toMatchObject({ enabled: false, lagSeconds: expect.toSatisfy((seconds) => seconds >= 86_400) });
  expect(await made()).toBe(1);
  await without.close();
  const running = await start("recurrences");
  onTestFinished(() => running.close());
  await expect.poll(() => log.cursor().then(made)).toBe(4);
});

it("reckons anew, as it starts, the instants that follow from older zone data", async () => {
  const { database, log, owner } = await startLog();
  await addTasks(contextOf(database), {
    projectId: "alpha",
    tasks: [{ description: "a", dueDate: inDays(1), recurrencePattern: "daily", recurrenceTimeZone: "Europe/Berlin" }],
  });
  const state = async () => (await owner.query("SELECT next_on::text, next_at, tz_version FROM recurrences")).rows[0];
  const right = await state();
  await owner.query("UPDATE recurrences SET next_at = next_at + interval '1 hour', tz_version = '2001a'");
  const job = await recurrences.start({ database, log, logger: silent, clock: new ManualClock() });
  onTestFinished(() => job.close());
  await expect.poll(state).toEqual(right);
});
