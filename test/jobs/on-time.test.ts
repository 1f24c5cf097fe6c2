import { expect, it, onTestFinished } from "vitest";
import { recurrences } from "../../src/jobs/recurrences.ts";
import { reminders } from "../../src/jobs/reminders.ts";
import { ManualClock } from "../log/manual-clock.ts";
import { silent } from "../log/open-log.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";
import { nothingHeard } from "./nothing-heard.ts";

/** What is due first, and how often it was told of. */
const CASES = [
  {
    name: "reminders",
    job: reminders,
    // Due in an hour; it reminds of that half an hour before.
    insert: `INSERT INTO tasks (project_id, task_id, description, due_date, reminder_offset)
      VALUES ('alpha', 'TASK-001', 'work', docket_now() + interval '1 hour', '30 minutes')`,
    at: "SELECT trigger_at AS at FROM reminder_schedule WHERE status = 'pending'",
    done: "SELECT count(*)::int AS done FROM reminder_schedule WHERE status = 'triggered'",
    before: 0,
  },
  {
    name: "recurrences",
    job: recurrences,
    // Its first instance is of today, in the zone of UTC; the next is made at midnight.
    insert: `INSERT INTO tasks (project_id, task_id, description, due_date, recurrence_pattern)
      VALUES ('alpha', 'TASK-901', 'work', date_trunc('day', docket_now()) + interval '23 hours 59 minutes 59 seconds', 'daily')`,
    at: "SELECT next_at AS at FROM recurrences",
    done: "SELECT count(*)::int AS done FROM tasks WHERE parent_recurring_task_id = 'TASK-901'",
    before: 1,
  },
] as const;

it.each(CASES)(
  "$name: the job wakes at the very time of what is next, not before and not a second after, and does it",
  async (given) => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 0);
    const clock = new ManualClock();
    const one = async <Value>(statement: string): Promise<Value | undefined> =>
      Object.values((await t.owner.query<Record<string, Value>>(statement)).rows[0] ?? {})[0];
    /** Milliseconds until what is next, by the database. */
    const left = async () =>
      Number(
        await one(
          `SELECT extract(epoch FROM at - docket_now()) * 1000 AS ms FROM (${given.at}) AS next WHERE at > docket_now() - interval '1 hour'`,
        ),
      );
    const done = () => one<number>(given.done);
    /** What the job waits for its next look, and what was left to wait for just before it looked and just after. */
    const armed = async (look: () => Promise<unknown>) => {
      const most = await left();
      const looked = job?.loops[0]?.state.lastRunAt;
      await look();
      await expect.poll(() => [clock.pending, job?.loops[0]?.state.lastRunAt === looked]).toEqual([1, false]);
      const wait = (job?.loops[0]?.state.dueAt ?? Number.NaN) - clock.now();
      return { wait, most, least: await left() };
    };
    let job: Awaited<ReturnType<typeof given.job.start>> | undefined;
    const start = async () => {
      job = await given.job.start({ database: t.database, log: nothingHeard, logger: silent, clock });
    };
    onTestFinished(() => job?.close());
    await t.owner.query(given.insert);
    await start();
    await expect.poll(done).toBe(given.before);
    await expect.poll(() => clock.pending).toBe(1);
    await t.pass((await left()) / 1_000 - 20);

    // Told by its timer alone: it looks, sees that the time is not there, and waits for it and no longer.
    const far = await armed(() => clock.advance((job?.loops[0]?.state.dueAt ?? 0) - clock.now()));
    expect(far.wait).toBeLessThanOrEqual(Math.ceil(far.most));
    expect(far.wait).toBeGreaterThanOrEqual(far.least);
    await t.pass((await left()) / 1_000 - 10);
    const near = await armed(() => clock.advance(far.wait));
    expect(near.wait).toBeLessThanOrEqual(Math.ceil(near.most));
    expect(near.wait).toBeGreaterThanOrEqual(near.least);
    expect(await done()).toBe(given.before);

    // A millisecond before its wake-up it has not looked; at it, it does what is due.
    const looked = job?.loops[0]?.state.lastRunAt;
    await t.pass((await left()) / 1_000);
    await clock.advance(near.wait - 1);
    expect([job?.loops[0]?.state.lastRunAt, await done()]).toEqual([looked, given.before]);
    await clock.advance(1);
    await expect.poll(done).toBe(given.before + 1);
  },
);
