import { expect, it, onTestFinished } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { openDatabase } from "../../src/db/database.ts";
import { leases } from "../../src/jobs/leases.ts";
import type { Log } from "../../src/log/log.ts";
import { updateProject } from "../../src/projects/update.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { leasesDueInMs } from "../../src/tasks/expire-leases.ts";
import { listTasks } from "../../src/tasks/list.ts";
import { parkTask } from "../../src/tasks/park.ts";
import { releaseTask } from "../../src/tasks/release.ts";
import { renewTaskLease } from "../../src/tasks/renew-lease.ts";
import { areStalled, tellStalled } from "../../src/tasks/stalled.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { nothingHeard } from "../jobs/nothing-heard.ts";
import { ManualClock } from "../log/manual-clock.ts";
import { openServerLog, silent } from "../log/open-log.ts";
import { PATIENCE } from "../support/patience.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const alpha = { projectId: "alpha" };
const first = { ...alpha, taskId: "TASK-001" };
const STALLED_AFTER = 3_600;

const renew = (t: VerbTest, more: object = {}) =>
  renewTaskLease(t.as(), { ...first, leaseSeconds: 7_200, ...more }).then(() => undefined);
const isStalled = async (t: VerbTest) => (await areStalled(t.database, [first]))[0];
const tell = (t: VerbTest) => tellStalled(t.as(SERVER));
const told = async (t: VerbTest) => (await t.events()).filter(({ type }) => type === "task.stalled");

async function held() {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { ...alpha, worker: "anna", leaseSeconds: 7_200 });
  return t;
}

it("is stalled from the project's time on when it is renewed and its worker shows nothing, told once", async () => {
  const t = await held();
  const version = async () => (await t.owner.query("SELECT version, updated_at FROM tasks")).rows;
  const before = await version();
  await t.pass(STALLED_AFTER - 5);
  await renew(t);
  expect([await isStalled(t), await tell(t)]).toEqual([false, false]);
  expect(await leasesDueInMs(t.database)).toBeGreaterThan(0);
  expect(await leasesDueInMs(t.database)).toBeLessThanOrEqual(5_000);
  await t.pass(5);
  expect(await leasesDueInMs(t.database)).toBeLessThanOrEqual(0);
  expect([await isStalled(t), await tell(t), await tell(t)]).toEqual([true, true, false]);
  await renew(t);
  await t.pass(STALLED_AFTER);
  expect([await isStalled(t), await tell(t)]).toEqual([true, false]);
  expect(await told(t)).toMatchObject([
    { project_id: "alpha", subject_id: "TASK-001", payload: { attempt: 1, worker: "anna" } },
  ]);
  expect(Object.keys((await told(t))[0]?.payload ?? {}).toSorted()).toEqual([
    ...["attempt", "lastActiveAt", "leaseExpiresAt", "worker"],
  ]);
  expect(await version()).toEqual(before);
  expect((await listTasks(t.as(), { filter: { stalled: true } })).edges).toHaveLength(1);
  expect((await listTasks(t.as(), { filter: { stalled: false } })).edges).toHaveLength(0);
});

it("is not stalled when nobody renews it: it comes to its end", async () => {
  const t = await held();
  await t.pass(7_199);
  expect([await isStalled(t), await tell(t)]).toEqual([false, false]);
  await t.owner.query("UPDATE task_attempts SET last_renewed_at = claimed_at + interval '1 second'");
  expect(await isStalled(t)).toBe(true);
  await t.pass(1);
  expect([await isStalled(t), await tell(t)]).toEqual([false, false]);
});

/** What shows that the holder is at work, half an hour before it would be stalled. */
const LIFE: Readonly<Record<string, (t: VerbTest) => Promise<unknown>>> = {
  "a checkpoint": (t) => renew(t, { checkpoint: { step: 1 } }),
  "a checkpoint that is judged": (t) => renew(t, { checkpoint: { step: 1 }, idempotencyKey: "k" }),
  "a call just now": (t) => renew(t, { idleSeconds: 0 }),
  "what it used": (t) => renew(t, { usage: { inputTokens: 1 } }),
  "a call just now that is judged": (t) => renew(t, { idleSeconds: 0, idempotencyKey: "k" }),
  "a write of the task": (t) => updateTask(t.as(), { ...first, title: "New" }),
  "a write of the task that changes nothing": (t) => updateTask(t.as(), { ...first, priority: 2 }),
  parking: (t) => parkTask(t.as(), { ...first, reason: "to be decided" }),
  "its status once more": (t) => updateTaskStatus(t.as(), { ...first, status: "in_progress" }),
};

it.each(Object.entries(LIFE))("counts its silence from %s on, and tells of the next one anew", async (_what, show) => {
  const t = await held();
  await t.pass(STALLED_AFTER);
  await renew(t);
  expect(await tell(t)).toBe(true);
  await show(t);
  await t.pass(STALLED_AFTER - 5);
  await renew(t);
  expect([await isStalled(t), await tell(t)]).toEqual([false, false]);
  await t.pass(5);
  expect([await isStalled(t), await tell(t), await tell(t)]).toEqual([true, true, false]);
  expect(await told(t)).toHaveLength(2);
});

/** What shows nothing of the holder. */
const NO_LIFE: Readonly<Record<string, (t: VerbTest) => Promise<unknown>>> = {
  "a renewal": (t) => renew(t),
  "a renewal that is judged": (t) => renew(t, { idempotencyKey: "k" }),
  "a renewal for a client that was silent all the while": (t) => renew(t, { idleSeconds: 1_800 }),
  "one that says more than can be": (t) => renew(t, { idleSeconds: 2_147_483_647 }),
  "somebody else's write": async (t) => {
    await updateTask(t.as({ client: "planner" }), { ...first, title: "New" });
    await renew(t);
  },
};

it.each(Object.entries(NO_LIFE))("is not kept from being stalled by %s", async (_what, show) => {
  const t = await held();
  await t.pass(1_800);
  await show(t);
  await t.pass(STALLED_AFTER - 1_800);
  expect(await isStalled(t)).toBe(true);
});

it("counts from when the client called last, as renewals tell it", async () => {
  const t = await held();
  await t.pass(1_000);
  await renew(t, { idleSeconds: 400 });
  await renew(t, { idleSeconds: 900, idempotencyKey: "an older one" });
  await t.pass(STALLED_AFTER - 405);
  expect(await isStalled(t)).toBe(false);
  await t.pass(5);
  expect(await isStalled(t)).toBe(true);
  await expect(renew(t, { idleSeconds: -1 })).rejects.toThrow("idleSeconds is -1; it must be 0 or more.");
});

it("knows nothing of a stall of what has ended, nor of projects and sessions", async () => {
  const t = await held();
  await t.pass(STALLED_AFTER);
  await renew(t);
  await t.owner.query("UPDATE tasks SET kind = 'session'");
  expect([await isStalled(t), await tell(t)]).toEqual([false, false]);
  await t.owner.query("UPDATE tasks SET kind = 'task'");
  expect(await isStalled(t)).toBe(true);
  await releaseTask(t.as(), { ...first, checkpoint: { step: 1 } });
  expect([await isStalled(t), await tell(t)]).toEqual([false, false]);
  await claimNextTask(t.as(), alpha);
  expect([await isStalled(t), await tell(t)]).toEqual([false, false]);
});

it("obeys the project's time", async () => {
  const t = await held();
  await t.owner.query(`UPDATE projects SET settings = settings || '{"stalledAfterSeconds": 60}'`);
  await t.pass(59);
  await renew(t);
  expect(await isStalled(t)).toBe(false);
  await t.pass(1);
  expect(await isStalled(t)).toBe(true);
});

it("is told of each of many once, by several processes at once", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 250);
  await t.owner.query(
    "UPDATE tasks SET status = 'in_progress', attempts = 1, lease_expires_at = docket_now() + interval '3 h'",
  );
  await t.owner.query(`INSERT INTO task_attempts (project_id, task_id, attempt, worker, actor, lease_expires_at, last_renewed_at)
    SELECT project_id, task_id, 1, 'w', 'a', lease_expires_at, docket_now() + interval '1 h' FROM tasks`);
  await t.pass(STALLED_AFTER);
  const databases = [
    t.database,
    ...[1, 2].map(() =>
      openDatabase({ url: t.test.url, size: 4, applicationName: "docket sweep", patience: PATIENCE }),
    ),
  ];
  const sweep = async (db: typeof t.database) => {
    while (await tellStalled({ ...t.as(SERVER), db }));
  };
  await Promise.all(databases.flatMap((db) => [sweep(db), sweep(db)]));
  await sweep(t.database);
  for (const db of databases.slice(1)) await db.close();
  const subjects = (await told(t)).map(({ subject_id }) => subject_id);
  expect(subjects).toHaveLength(250);
  expect(new Set(subjects).size).toBe(250);
});

it("is told in time by the job that ends leases", async () => {
  const t = await held();
  const clock = new ManualClock();
  await renew(t);
  const job = await leases.start({ database: t.database, log: nothingHeard, logger: silent, clock });
  await expect.poll(() => clock.pending).toBe(2);
  await t.pass(STALLED_AFTER);
  await clock.advance(60_000);
  await expect.poll(async () => (await told(t)).length).toBe(1);
  await job.close();
});

/** The job, woken by what calls tell through the database, and not by the clock's being moved; it looks once a minute. */
async function job(t: VerbTest, onEvents: Log["onEvents"] = nothingHeard.onEvents) {
  const clock = new ManualClock();
  const woken: (() => void)[] = [];
  let moving = false;
  const wake = () => moving || woken.forEach((listener) => void listener());
  await t.owner.query("LISTEN docket_due");
  t.owner.on("notification", wake);
  const onDue = (listener: () => void) => {
    woken.push(listener);
    return () => undefined;
  };
  const running = await leases.start({ database: t.database, log: { onEvents, onDue }, logger: silent, clock });
  onTestFinished(async () => {
    await running.close();
    t.owner.off("notification", wake);
    await t.owner.query("UNLISTEN docket_due");
  });
  await expect.poll(() => clock.pending).toBe(2);
  const after = async (seconds: number) => {
    moving = true;
    await t.pass(seconds);
    moving = false;
    await clock.advance(seconds * 1_000);
    await expect.poll(() => clock.pending).toBe(2);
  };
  return { clock, after };
}

it("is told at its time also where the first renewal comes just before it, or after it", async () => {
  const t = await held();
  const { clock, after } = await job(t);
  await after(STALLED_AFTER - 10);
  expect(clock.timersBeyond(10_000)).toBe(2);
  await renew(t);
  await expect.poll(() => [clock.pending, clock.timersBeyond(10_000)]).toEqual([2, 1]);
  await after(9);
  expect(await told(t)).toHaveLength(0);
  await after(1);
  await expect.poll(async () => (await told(t)).length).toBe(1);
  await renew(t, { idleSeconds: 0, leaseSeconds: 20_000 });
  await after(STALLED_AFTER + 10);
  expect(await told(t)).toHaveLength(1);
  await renew(t, { idempotencyKey: "judged", leaseSeconds: 20_000 });
  await expect.poll(async () => (await told(t)).length).toBe(2);
});

it("is told at once where the project is given a shorter time", async () => {
  const t = await held();
  const log = await openServerLog({ database: t.database, listenUrl: t.test.url });
  const { clock, after } = await job(t, log.onEvents);
  await after(1_000);
  await renew(t);
  await after(60);
  await updateProject(t.as({ role: "admin" }), { ...alpha, stalledAfterSeconds: 1_061 });
  await expect.poll(() => clock.advance(0).then(() => clock.timersBeyond(1_000))).toBe(1);
  expect(await told(t)).toHaveLength(0);
  await updateProject(t.as({ role: "admin" }), { ...alpha, stalledAfterSeconds: 1_060 });
  await expect.poll(() => clock.advance(0).then(async () => (await told(t)).length)).toBe(1);
  await log.close();
});
