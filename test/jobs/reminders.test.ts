import { setTimeout as pause } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { readConfig } from "../../src/config/config.ts";
import { openDatabase } from "../../src/db/database.ts";
import { startJobs } from "../../src/jobs/jobs.ts";
import { reminders } from "../../src/jobs/reminders.ts";
import { triggerReminders } from "../../src/schedule/reminders/trigger.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { restoreTask } from "../../src/tasks/restore.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { ManualClock } from "../log/manual-clock.ts";
import { silent } from "../log/open-log.ts";
import { contextOf, startLog } from "../log/test-log.ts";
import { passTime } from "../support/owner.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";
import { nothingHeard } from "./nothing-heard.ts";

const HOUR = 3_600;
const first = { projectId: "alpha", taskId: "TASK-001" };
const DUE_IN_AN_HOUR = `INSERT INTO tasks (project_id, task_id, description, due_date, reminder_offset)
  VALUES ('alpha', 'TASK-001', 'work', docket_now() + interval '1 hour', '30 minutes')`;

it("looks every half minute where nobody tells it anything, and when the first reminder is due", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 0);
  const clock = new ManualClock();
  const job = await reminders.start({ database: t.database, log: nothingHeard, logger: silent, clock });
  onTestFinished(() => job.close());
  const dueAt = () => job.loops[0]?.state.dueAt ?? Number.NaN;
  await expect.poll(() => clock.pending).toBe(1);
  expect(dueAt() - clock.now()).toBe(30_000);
  await t.owner.query(DUE_IN_AN_HOUR);
  await t.pass(HOUR / 2 - 10);
  await clock.advance(30_000);
  await expect.poll(() => clock.pending).toBe(1);
  expect(dueAt() - clock.now()).toBeGreaterThan(0);
  expect(dueAt() - clock.now()).toBeLessThanOrEqual(10_000);
  await t.pass(10);
  await clock.advance(10_000);
  await expect
    .poll(async () => (await t.events()).filter(({ type }) => type === "task.reminder.triggered").length)
    .toBe(1);
});

it("hears of every change that makes a reminder due sooner, and of no other", async () => {
  const { database, log, owner } = await startLog();
  const clock = new ManualClock();
  const job = await reminders.start({ database, log, logger: silent, clock });
  onTestFinished(() => job.close());
  const ctx = contextOf(database);
  const looks = () => job.loops[0]?.state;
  let heard = 0;
  const stop = log.onEvents((events) => {
    heard += events.length;
  });
  onTestFinished(stop);
  /** What the job does once this was done; its clock stands still but for this. */
  const wakes = async (act: () => Promise<unknown>) => {
    await expect.poll(() => clock.pending).toBe(1);
    await clock.advance(1);
    const [before, heardBefore] = [looks(), heard];
    await act();
    return {
      by: () => expect.poll(() => looks()?.lastRunAt).toBeGreaterThan(before?.lastRunAt ?? 0),
      not: async () => {
        await expect.poll(() => log.cursor().then(() => heard)).toBeGreaterThan(heardBefore);
        expect(looks()).toEqual(before);
      },
    };
  };
  await (await wakes(() => passTime(owner, 0))).by();
  const soon = (minutes: number) => new Date(Date.now() + minutes * 60_000);
  const add = (more: object) => addTasks(ctx, { projectId: "alpha", tasks: [{ description: "a", ...more }] });
  await (await wakes(() => add({}))).not();
  await (await wakes(() => claimNextTask(ctx, { projectId: "alpha" }))).not();
  await (await wakes(() => updateTask(ctx, { ...first, title: "b" }))).not();
  await (await wakes(() => updateTask(ctx, { ...first, dueDate: soon(90) }))).by();
  await (await wakes(() => updateTask(ctx, { ...first, reminderOffset: "1 hour" }))).by();
  await (await wakes(() => add({ dueDate: soon(70), reminderOffset: "PT1H" }))).by();
  const status = (to: "completed" | "pending") =>
    updateTaskStatus(ctx, { ...first, status: to, reset: to === "pending" });
  await status("completed");
  await (await wakes(() => status("pending"))).by();
  await owner.query("UPDATE tasks SET deleted_at = docket_now() WHERE task_id = 'TASK-001'");
  await (await wakes(() => restoreTask(ctx, first))).by();
  await (await wakes(() => passTime(owner, 1))).by();
});

it("loses nothing while it is switched off: what is late then is told of at once", async () => {
  const { database, log, owner } = await startLog();
  await owner.query(DUE_IN_AN_HOUR);
  const start = (names: string) =>
    startJobs({ database, log, logger: silent, config: readConfig({ DOCKET_JOBS: names }) });
  const told = async () =>
    (await owner.query("SELECT FROM events WHERE event_type = 'task.reminder.triggered'")).rowCount;
  const without = await start("-reminders");
  await passTime(owner, HOUR);
  await expect
    .poll(async () => (await without.state()).find(({ name }) => name === "reminders"))
    .toMatchObject({
      enabled: false,
      lagSeconds: expect.toSatisfy((seconds) => seconds >= HOUR / 2),
    });
  await log.cursor();
  expect(await told()).toBe(0);
  await without.close();
  const running = await start("reminders");
  onTestFinished(() => running.close());
  await expect.poll(() => log.cursor().then(told)).toBe(1);
});

it("triggers each once, and none after its task's completion, whatever connections are cut", async () => {
  const t = await verbTest();
  const ids = await seedTasks(t, "alpha", 20);
  // One after the other, a second between two.
  await t.owner.query(`UPDATE tasks SET reminder_offsets = '{1 hour,59 minutes}',
    due_date = docket_now() + interval '1 hour' + make_interval(secs => right(task_id, 3)::int)`);
  const processes = [1, 2, 3].map(() => openDatabase({ url: t.test.url, size: 2, applicationName: "cut" }));
  onTestFinished(async () => void (await Promise.all(processes.map((own) => own.close()))));
  let over = false;
  const triggering = processes.map(async (db) => {
    while (!over) if (!(await triggerReminders({ ...t.as(SERVER), db }).catch(() => true))) await pause(2);
  });
  const cut = () =>
    t.owner.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'cut' AND datname = current_database() AND random() < 0.2`);
  for (const taskId of ids) {
    const task = { projectId: "alpha", taskId };
    await updateTaskStatus(t.as(), { ...task, status: "in_progress" });
    await Promise.all([t.pass(1).then(cut), updateTaskStatus(t.as(), { ...task, status: "completed" })]);
  }
  await t.pass(HOUR);
  over = true;
  await Promise.all(triggering);
  while (await triggerReminders(t.as(SERVER))) {}

  const events = await t.events();
  const told = events.filter(({ type }) => type === "task.reminder.triggered");
  expect(new Set(told.map(({ payload }) => payload["reminderId"])).size).toBe(told.length);
  // The second one of each was a minute away when its task was completed.
  const { rows } = await t.owner.query("SELECT status, count(*)::int FROM reminder_schedule GROUP BY 1 ORDER BY 1");
  expect(rows.find(({ status }) => status === "cancelled")?.count).toBe(40 - told.length);
  expect(told.length).toBeLessThanOrEqual(20);
  for (const taskId of ids) {
    const of = events.filter((event) => event.subject_id === taskId).map(({ type }) => type);
    expect(of.at(-1)).toBe("task.completed");
  }
});
