import { expect, it } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { openDatabase } from "../../src/db/database.ts";
import { leases } from "../../src/jobs/leases.ts";
import { listAttempts } from "../../src/tasks/attempts.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { expireLeases } from "../../src/tasks/expire-leases.ts";
import { nextTask } from "../../src/tasks/next.ts";
import { releaseTask } from "../../src/tasks/release.ts";
import { renewTaskLease } from "../../src/tasks/renew-lease.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { nothingHeard } from "../jobs/nothing-heard.ts";
import { ManualClock } from "../log/manual-clock.ts";
import { silent } from "../log/open-log.ts";
import { eventually } from "../support/eventually.ts";
import { PATIENCE } from "../support/patience.ts";
import { given, seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const alpha = { projectId: "alpha" };
const sweep = (t: VerbTest) => expireLeases(t.as(SERVER));
const told = async (t: VerbTest) => (await t.events()).filter(({ type }) => type === "task.lease_expired");
const outcomes = async (t: VerbTest, taskId = "TASK-001") =>
  (await listAttempts(t.database, [{ ...alpha, taskId }], {})).flat().map(({ outcome }) => outcome);

it("gives a task back to the queue from the end of its lease on, once, and tells what changed", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  await claimNextTask(t.as(), { ...alpha, worker: "anna", leaseSeconds: 600 });
  await claimNextTask(t.as(), { ...alpha, worker: "bert", leaseSeconds: 3_600 });
  const rows = async () => (await t.owner.query("SELECT t.*, xmin::text FROM tasks t ORDER BY task_id")).rows;
  const before = await rows();
  await t.pass(570);
  expect(await sweep(t)).toBe(false);
  expect(await told(t)).toEqual([]);
  expect(await rows()).toEqual(before);
  await t.pass(30);
  expect(await sweep(t)).toBe(true);
  expect(await told(t)).toMatchObject([
    {
      project_id: "alpha",
      subject_id: "TASK-001",
      payload: {
        attempt: 1,
        worker: "anna",
        changes: { status: { old: "IN_PROGRESS", new: "PENDING" }, claimedBy: { old: "anna", new: null } },
      },
    },
  ]);
  const [first, second] = await rows();
  expect(first).toMatchObject({ status: "pending", claimed_by: null, lease_expires_at: null, attempts: 1 });
  expect(first.version).toBe(before[0].version + 1);
  expect(second).toEqual(before[1]);
  expect(await outcomes(t)).toEqual(["expired"]);
  expect(await sweep(t)).toBe(false);
  expect((await nextTask(t.as(), { ...alpha, status: "pending" })).task?.taskId).toBe("TASK-001");
});

it("leaves the attempt to a claim that comes first, and tells of its end no second time", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { ...alpha, leaseSeconds: 60 });
  await t.pass(60);
  await claimNextTask(t.as({ client: "two" }), alpha);
  expect(await sweep(t)).toBe(false);
  expect(await outcomes(t)).toEqual(["expired", null]);
  expect((await t.events()).map(({ type }) => type)).toEqual(["task.claimed", "task.lease_expired", "task.claimed"]);
});

it("lets a holder renew late until it comes, and refuses the ended attempt from then on", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { ...alpha, worker: "anna", leaseSeconds: 60 });
  const attempt = await given(t, "TASK-001");
  const renew = () => renewTaskLease(t.as(), { taskId: "TASK-001", attempt, leaseSeconds: 60 });
  await t.pass(60);
  expect(await renew()).toMatchObject({ attempt: 1 });
  expect(await sweep(t)).toBe(false);
  await t.pass(60);
  await sweep(t);
  for (const write of [
    renew,
    () => releaseTask(t.as(), { taskId: "TASK-001", attempt }),
    () => updateTaskStatus(t.as(), { taskId: "TASK-001", attempt, status: "completed" }),
  ])
    await expect(write()).rejects.toMatchObject({
      code: "LEASE_LOST",
      message: expect.stringMatching(/attempt 1 has ended/),
    });
  expect((await claimNextTask(t.as(), alpha)).taken).toMatchObject({ attempt: 2 });
});

it("gives back what a row of plain SQL holds without an attempt", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await t.owner.query("UPDATE tasks SET status = 'in_progress', claimed_by = 'hand'");
  await t.pass(3_600);
  expect(await sweep(t)).toBe(true);
  expect(await told(t)).toMatchObject([{ payload: { attempt: null, worker: "hand" } }]);
});

it("ends what is held in an archived project", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { ...alpha, leaseSeconds: 60 });
  await t.owner.query("UPDATE projects SET archived_at = docket_now()");
  await t.pass(60);
  expect(await sweep(t)).toBe(true);
  expect(await outcomes(t)).toEqual(["expired"]);
});

it("ends each once when three processes do it beside claims and renewals", async () => {
  const t = await verbTest();
  const tasks = await seedTasks(t, "alpha", 1_200);
  await t.owner.query(
    `UPDATE tasks SET status = 'in_progress', attempts = 1, lease_expires_at = docket_now() + interval '60 s'`,
  );
  await t.owner.query(
    `INSERT INTO task_attempts (project_id, task_id, attempt, actor, client, lease_expires_at)
     SELECT project_id, task_id, 1, 'dk_test0001/agent', 'session-1', lease_expires_at FROM tasks`,
  );
  await t.pass(60);
  const processes = [1, 2, 3].map((n) =>
    openDatabase({ url: t.test.url, size: 3, applicationName: `docket process ${n}`, patience: PATIENCE }),
  );
  try {
    const untilNone = async (db: (typeof processes)[number]) => {
      while (await expireLeases({ ...t.as(SERVER), db }));
    };
    await Promise.all([
      ...processes.map(untilNone),
      ...Array.from({ length: 100 }, (_, i) => claimNextTask(t.as({ client: `claimer ${i}` }), alpha)),
      // The sweep may have been there first.
      ...tasks
        .slice(-100)
        .map((taskId) =>
          renewTaskLease(t.as(), { ...alpha, taskId, leaseSeconds: 600 }).catch((error: unknown) =>
            expect(error).toMatchObject({ code: "LEASE_LOST" }),
          ),
        ),
    ]);
    await Promise.all(processes.map(untilNone));
  } finally {
    await Promise.all(processes.map((db) => db.close()));
  }
  // One drain moves so many at the most.
  await t.events();
  const subjects = (await told(t)).map(({ subject_id }) => subject_id);
  expect(new Set(subjects).size).toBe(subjects.length);
  // Some of the renewals came before the end of their lease was seen; of all others it was, by the sweep or a claim.
  const untold = new Set(tasks.slice(0, -100)).difference(new Set(subjects));
  expect([...untold]).toEqual([]);
  const { rows } = await t.owner.query(
    `SELECT count(*) FILTER (WHERE outcome = 'expired')::int AS expired, count(*) FILTER (WHERE outcome IS NULL)::int AS open,
       count(*)::int AS all FROM task_attempts`,
  );
  expect(rows[0].expired).toBe(subjects.length);
  expect(rows[0].open).toBe(rows[0].all - subjects.length);
});

it("loses nothing when it is killed in the middle", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 3);
  for (let i = 0; i < 3; i++) await claimNextTask(t.as(), { ...alpha, leaseSeconds: 60 });
  await t.pass(60);
  const dying = openDatabase({ url: t.test.url, size: 2, applicationName: "docket dying", patience: PATIENCE });
  try {
    // It has marked the attempts, and waits to leave their events.
    await t.owner.query("BEGIN; LOCK TABLE event_inbox");
    let failure: unknown;
    const killed = expireLeases({ ...t.as(SERVER), db: dying }).catch((error: unknown) => {
      failure = error;
    });
    const backends = async (which: string) => {
      await t.owner.query("SELECT pg_stat_clear_snapshot()");
      return t.owner.query(
        `${which} FROM pg_stat_activity WHERE application_name = 'docket dying' AND wait_event = 'relation'`,
      );
    };
    await eventually(async () => expect((await backends("SELECT")).rowCount).toBe(1));
    await eventually(async () => {
      await backends("SELECT pg_terminate_backend(pid)");
      expect(failure).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    });
    await killed;
    await t.owner.query("COMMIT");
  } finally {
    await dying.close();
  }
  expect(await told(t)).toEqual([]);
  expect(await sweep(t)).toBe(true);
  expect(await told(t)).toHaveLength(3);
});

it("is told of a minute after a look at the latest, however short the lease was, and though nobody tells of it", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  const clock = new ManualClock();
  const job = await leases.start({ database: t.database, log: nothingHeard, clock, logger: silent });
  try {
    await expect.poll(() => clock.pending).toBe(2);
    await claimNextTask(t.as(), { ...alpha, leaseSeconds: 1 });
    await t.pass(1);
    await clock.advance(59_999);
    await expect.poll(() => clock.pending).toBe(2);
    expect(await told(t)).toEqual([]);
    await clock.advance(1);
    await expect.poll(() => told(t)).toHaveLength(1);
  } finally {
    await job.close();
  }
});
