import { expect, it } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { expireLeases } from "../../src/tasks/expire-leases.ts";
import { whyIdle } from "../../src/tasks/idle.ts";
import { listTasks } from "../../src/tasks/list.ts";
import { parkTask } from "../../src/tasks/park.ts";
import { explainReady } from "../../src/tasks/reasons.ts";
import { releaseTask } from "../../src/tasks/release.ts";
import { renewTaskLease } from "../../src/tasks/renew-lease.ts";
import { unparkTask } from "../../src/tasks/unpark.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { wakeTasks } from "../../src/tasks/wake.ts";
import { anythingOf } from "../../src/tasks/wanted.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const alpha = { projectId: "alpha" };
const first = { ...alpha, taskId: "TASK-001" };

async function oneTask() {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  return t;
}

/** What the end of attempts left on the first task; `waits` in seconds from now. */
async function left(t: VerbTest) {
  const { rows } = await t.owner.query(
    `SELECT failures, extract(epoch FROM ready_at - docket_now())::float AS waits, parked_at IS NOT NULL AS parked,
       parked_reason AS reason FROM tasks WHERE project_id = 'alpha' AND task_id = 'TASK-001'`,
  );
  return rows[0] as { failures: number; waits: number | null; parked: boolean; reason: string | null };
}

const claim = (t: VerbTest, leaseSeconds = 60) => claimNextTask(t.as(), { ...alpha, leaseSeconds });
const sweep = (t: VerbTest) => expireLeases(t.as(SERVER));
const setTo = (t: VerbTest, sql: string) => t.owner.query(`UPDATE projects SET settings = settings || '${sql}'`);

/** Each way to end an attempt that counts. */
const FAILING: Readonly<Record<string, (t: VerbTest) => Promise<unknown>>> = {
  expires: async (t) => {
    await t.pass(60);
    await sweep(t);
  },
  fails: (t) => releaseTask(t.as(), { ...first, outcome: "failed" }),
  "fails in spite of its checkpoint": (t) =>
    releaseTask(t.as(), { ...first, outcome: "failed", checkpoint: { at: 1 } }),
  "is given back without a checkpoint": (t) => releaseTask(t.as(), first),
  "is set back to pending": (t) => updateTaskStatus(t.as(), { ...first, status: "pending" }),
  "ends with its session within a minute": (t) => releaseTask(t.as(), { ...first, sessionEnded: true }),
};

it.each(Object.entries(FAILING))(
  "counts an attempt that %s, lets the task wait and parks it in the end",
  async (_how, end) => {
    const t = await oneTask();
    const waits: (number | null)[] = [];
    for (const failures of [1, 2, 3, 4, 5]) {
      expect((await claim(t)).taken).toMatchObject({ attempt: failures });
      await end(t);
      const { waits: seconds, ...rest } = await left(t);
      expect(rest).toMatchObject({ failures, parked: failures === 5 });
      // The time of an attempt that expired runs from there on; a statement's time is a little later.
      waits.push(seconds === null ? null : Math.round(seconds));
      if (seconds !== null) {
        expect((await claim(t)).taken).toBeNull();
        await t.pass(seconds + 0.01);
      }
    }
    expect(waits).toEqual([null, 15, 30, 60, null]);
    expect((await left(t)).reason).toMatch(/^5 attempts failed in a row; the (last one|lease of the last one) /);
    await t.pass(10_000);
    expect((await claim(t)).taken).toBeNull();
  },
);

const CLEARING: Readonly<Record<string, (t: VerbTest) => Promise<unknown>>> = {
  "a completion": (t) => updateTaskStatus(t.as(), { ...first, status: "completed" }),
  "a reset": (t) => updateTaskStatus(t.as(), { ...first, status: "pending", reset: true }),
  "a hand-over with a checkpoint": (t) => releaseTask(t.as(), { ...first, checkpoint: { at: 1 } }),
  "a hand-over of what left a checkpoint before": async (t) => {
    await renewTaskLease(t.as(), { ...first, checkpoint: { at: 1 } });
    await releaseTask(t.as(), first);
  },
  unparkTask: (t) => unparkTask(t.as(), first),
};

it.each(Object.entries(CLEARING))("begins the row anew after %s", async (_how, clear) => {
  const t = await oneTask();
  await claim(t);
  await releaseTask(t.as(), first);
  await claim(t);
  expect((await left(t)).failures).toBe(1);
  await clear(t);
  expect(await left(t)).toEqual({ failures: 0, waits: null, parked: false, reason: null });
});

const NEUTRAL: Readonly<Record<string, (t: VerbTest) => Promise<unknown>>> = {
  "is superseded": async (t) => {
    await t.pass(30);
    await updateTaskStatus(t.as({ client: "two" }), { ...first, status: "in_progress", takeOver: true });
  },
  "is cancelled": (t) => deleteTask(t.as(), first),
  "ends with its session after a minute": async (t) => {
    await t.pass(61);
    await releaseTask(t.as(), { ...first, sessionEnded: true });
  },
};

it.each(Object.entries(NEUTRAL))("counts no attempt that %s", async (_how, end) => {
  const t = await oneTask();
  await claim(t);
  await releaseTask(t.as(), first);
  await claim(t);
  await end(t);
  expect(await left(t)).toEqual({ failures: 1, waits: null, parked: false, reason: null });
});

it.each(["project", "session"])("counts no attempt at a %s", async (kind) => {
  const t = await oneTask();
  await t.owner.query("UPDATE tasks SET kind = $1", [kind]);
  for (let i = 0; i < 3; i++) {
    await updateTaskStatus(t.as(), { ...first, status: "in_progress" });
    await releaseTask(t.as(), { ...first, outcome: "failed" });
  }
  expect(await left(t)).toEqual({ failures: 0, waits: null, parked: false, reason: null });
});

it("counts nothing that plain SQL held without an attempt", async () => {
  const t = await oneTask();
  for (let i = 0; i < 3; i++) {
    await t.owner.query("UPDATE tasks SET status = 'in_progress'");
    await t.pass(3_601);
    await sweep(t);
  }
  expect(await left(t)).toEqual({ failures: 0, waits: null, parked: false, reason: null });
});

it("tells of failures, wait and parking in the event of the end, and of parking by one of its own", async () => {
  const t = await oneTask();
  await setTo(t, '{"maxAttempts": 3}');
  for (const seconds of [0, 15, 0]) {
    await claim(t);
    await t.pass(60);
    await sweep(t);
    await t.pass(seconds);
  }
  const told = (await t.events()).filter(({ type }) => type !== "task.claimed");
  expect(told).toMatchObject([
    { type: "task.lease_expired", payload: { changes: { failures: { old: 0, new: 1 } } } },
    {
      type: "task.lease_expired",
      payload: { changes: { failures: { old: 1, new: 2 }, readyAt: { old: null, new: expect.any(String) } } },
    },
    {
      type: "task.lease_expired",
      payload: { changes: { failures: { old: 2, new: 3 }, readyAt: { old: expect.any(String), new: null } } },
    },
    { type: "task.parked", payload: { reason: "3 attempts failed in a row; the lease of the last one ran out" } },
  ]);
  expect(Object.keys(told[0]?.payload["changes"] ?? {})).not.toContain("readyAt");
  expect(Object.keys(told[3]?.payload["changes"] ?? {}).toSorted()).toEqual(["parkedAt", "parkedReason"]);
});

it("parks a released task with what its last worker said", async () => {
  const t = await oneTask();
  await setTo(t, '{"maxAttempts": 1}');
  await claim(t);
  await releaseTask(t.as(), { ...first, outcome: "failed", notes: " no database " });
  expect(await left(t)).toMatchObject({
    parked: true,
    reason: "1 attempt failed in a row; the last one gave up: no database",
  });
  const told = (await t.events()).map(({ type, payload }) => [type, payload["outcome"] ?? payload["reason"]]);
  expect(told.slice(1)).toEqual([
    ["task.released", "FAILED"],
    ["task.parked", "1 attempt failed in a row; the last one gave up: no database"],
  ]);
});

it("waits as the project says, an hour at most, and as long as the worker asks if that is longer", async () => {
  const t = await oneTask();
  await setTo(t, '{"maxAttempts": 20, "retrySeconds": 1000}');
  const fail = async (retryAfterSeconds?: number) => {
    await claim(t);
    await releaseTask(t.as(), { ...first, outcome: "failed", retryAfterSeconds });
    const { waits } = await left(t);
    if (waits !== null) await t.pass(waits + 0.01);
    return waits === null ? null : Math.round(waits);
  };
  expect([await fail(), await fail(), await fail(), await fail(), await fail()]).toEqual([
    null,
    1_000,
    2_000,
    3_600,
    3_600,
  ]);
  expect(await fail(10)).toBe(3_600);
  expect(await fail(7_200)).toBe(7_200);
  for (const retryAfterSeconds of [-1, 604_801])
    await expect(releaseTask(t.as(), { ...first, retryAfterSeconds })).rejects.toThrow("must be from 0 to 604800");
});

it("does not hand out what expired so often that it waits, also while nobody has ended the attempt", async () => {
  const t = await oneTask();
  await claim(t);
  await releaseTask(t.as(), first);
  await claim(t);
  await t.pass(60);
  expect((await claim(t)).taken).toBeNull();
  const reasons = async () =>
    (await explainReady(t.database, [first], { projectIds: null })).flat().map(({ reason }) => reason);
  expect(await reasons()).toEqual(["waiting"]);
  await expect(updateTaskStatus(t.as(), { ...first, status: "in_progress", takeOver: true })).resolves.toMatchObject({
    attempt: 2,
  });
  await expect(
    updateTaskStatus(t.as({ client: "two" }), { ...first, status: "in_progress", takeOver: true }),
  ).rejects.toMatchObject({ code: "NOT_READY" });
  await t.pass(15);
  expect(await reasons()).toEqual([]);
  expect((await claim(t)).taken).toMatchObject({ attempt: 3 });
  expect(await left(t)).toMatchObject({ failures: 2, waits: null });
  expect((await t.events()).slice(-2)).toMatchObject([
    { type: "task.lease_expired", payload: { attempt: 2, changes: { failures: { old: 1, new: 2 } } } },
    { type: "task.claimed", payload: { attempt: 3 } },
  ]);
  expect(Object.keys((await t.events()).at(-1)?.payload["changes"] ?? {})).not.toContain("failures");

  await t.owner.query("UPDATE tasks SET failures = 4");
  await t.pass(4_000);
  expect((await claim(t)).taken).toBeNull();
  expect(await reasons()).toEqual(["parked"]);
  await sweep(t);
  expect(await left(t)).toMatchObject({ failures: 5, parked: true });
});

it("tells when its time has come, once, and says to idle callers when that will be", async () => {
  const t = await oneTask();
  await claim(t);
  await releaseTask(t.as(), { ...first, retryAfterSeconds: 40 });
  const before = await t.owner.query("SELECT version, ready_at FROM tasks");
  const idle = await whyIdle({ db: t.database }, anythingOf("alpha"), null);
  expect(idle).toMatchObject({ reasons: [{ reason: "waiting", count: 1 }], retryAt: before.rows[0].ready_at });
  await t.pass(39);
  expect(await wakeTasks(t.as(SERVER))).toBe(false);
  await t.pass(2);
  expect(await wakeTasks(t.as(SERVER))).toBe(true);
  expect(await wakeTasks(t.as(SERVER))).toBe(false);
  expect((await t.events()).slice(-1)).toMatchObject([
    { type: "task.updated", payload: { changes: { readyAt: { old: expect.any(String), new: null } } } },
  ]);
  const after = await t.owner.query("SELECT version, ready_at FROM tasks");
  expect(after.rows).toEqual([{ version: before.rows[0].version, ready_at: null }]);
});

it("is exact when 100 attempts end at once", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 100);
  const taken = [];
  for (let i = 0; i < 100; i++) taken.push((await claim(t)).taken);
  const release = (taskId: string) => releaseTask(t.as(), { ...alpha, taskId }).catch(({ code }) => code);
  // Each is ended by its worker twice and by a sweep, all at once: one of them counts.
  await t.pass(60);
  await Promise.all([
    ...taken.flatMap((task) => [release(task?.taskId ?? ""), release(task?.taskId ?? "")]),
    sweep(t),
    sweep(t),
  ]);
  await sweep(t);
  const { rows } = await t.owner.query("SELECT failures, status, count(*)::int FROM tasks GROUP BY failures, status");
  expect(rows).toEqual([{ failures: 1, status: "pending", count: 100 }]);
  // And of one task, whose attempts follow each other while 30 try to take it and to give it up.
  await t.owner.query("DELETE FROM task_attempts; DELETE FROM tasks WHERE task_id <> 'TASK-001'");
  await t.owner.query("UPDATE tasks SET failures = 0, attempts = 0");
  await setTo(t, '{"maxAttempts": 7, "retrySeconds": 1}');
  for (let i = 0; i < 7; i++) {
    await Promise.all(
      Array.from({ length: 30 }, async (_, n) => {
        const ctx = t.as({ client: `session-${n}` });
        const { taken } = await claimNextTask(ctx, { ...alpha, worker: `w${n}` });
        if (taken) await releaseTask(ctx, { ...first, outcome: "failed" });
      }),
    );
    await t.pass(60);
  }
  const { failures } = await left(t);
  const { rows: failed } = await t.owner.query("SELECT count(*)::int FROM task_attempts WHERE outcome = 'failed'");
  expect(failed).toEqual([{ count: failures }]);
  expect(await left(t)).toMatchObject({ failures: 7, parked: true });
});

it("is parked and unparked by hand, and told of once", async () => {
  const t = await oneTask();
  await seedTasks(t, "beta", 1);
  await parkTask(t.as(), { ...first, reason: "needs a decision" });
  await parkTask(t.as(), { ...first, reason: "needs a decision" });
  expect(await explainReady(t.database, [first], { projectIds: null })).toMatchObject([
    [{ reason: "parked", message: expect.stringContaining("Parked: needs a decision. ") }],
  ]);
  const listed = async (parked: boolean) =>
    (await listTasks(t.as(), { filter: { parked }, first: 10 })).edges.map(({ node }) => node.projectId);
  expect([await listed(true), await listed(false)]).toEqual([["alpha"], ["beta"]]);
  await parkTask(t.as(), { ...first, reason: "needs another" });
  expect((await claim(t)).taken).toBeNull();
  await unparkTask(t.as(), first);
  await unparkTask(t.as(), first);
  expect((await claim(t)).taken).toMatchObject({ taskId: "TASK-001" });
  const told = (await t.events()).map(({ type, payload }) => [type, Object.keys(payload["changes"] ?? {}).toSorted()]);
  expect(told).toMatchObject([
    ["task.parked", ["parkedAt", "parkedReason"]],
    ["task.parked", ["parkedReason"]],
    ["task.unparked", ["parkedAt", "parkedReason"]],
    ["task.claimed", expect.any(Array)],
  ]);
});

it("lets the holder of what is parked finish it, and gives it to nobody else", async () => {
  const t = await oneTask();
  await claim(t);
  await parkTask(t.as({ client: "two" }), { ...first, reason: "stop" });
  await renewTaskLease(t.as(), first);
  await releaseTask(t.as(), { ...first, checkpoint: { at: 1 } });
  expect(await left(t)).toMatchObject({ parked: true, reason: "stop", failures: 0 });
  await unparkTask(t.as(), first);
  await claim(t);
  await parkTask(t.as(), { ...first, reason: "stop" });
  await updateTaskStatus(t.as(), { ...first, status: "completed" });
  expect(await left(t)).toMatchObject({ parked: false, reason: null });
  await expect(parkTask(t.as(), { ...first, reason: "stop" })).rejects.toThrow("TASK-001 is completed");
});

it.each([
  ["", "must not be empty or blank"],
  ["x".repeat(501), "has 501 characters; 500 at most"],
])("refuses the reason %j", async (reason, message) => {
  const t = await oneTask();
  await expect(parkTask(t.as(), { ...first, reason })).rejects.toThrow(message);
});
