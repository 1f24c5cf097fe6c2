import { expect, it, vi } from "vitest";
import { briefings } from "../../src/tasks/briefing.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { completeAndClaimNext } from "../../src/tasks/complete-and-claim-next.ts";
import { nextTask } from "../../src/tasks/next.ts";
import { renewTaskLease } from "../../src/tasks/renew-lease.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { given, seedTasks, verbTest } from "../support/verbs.ts";

it("takes by priority, then by place in the queue", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 3);
  await t.owner.query("UPDATE tasks SET priority = 0 WHERE task_id = 'TASK-003'");
  const taken = [];
  for (let i = 0; i < 3; i++) taken.push((await claimNextTask(t.as(), { projectId: "alpha" })).taken?.taskId);
  expect(taken).toEqual(["TASK-003", "TASK-001", "TASK-002"]);
});

it("does not hand one task to two callers that ask at once", async () => {
  const t = await verbTest();
  const tasks = await seedTasks(t, "alpha", 60);
  const claims = await Promise.all(
    Array.from({ length: 60 }, (_, i) => claimNextTask(t.as({ client: `c${i}` }), { projectId: "alpha" })),
  );
  expect(claims.map(({ taken }) => taken?.taskId).sort()).toEqual(tasks.sort());
});

it("says why there is nothing to take: what is held, and until when", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { projectId: "alpha", leaseSeconds: 600 });
  const { taken, idle } = await claimNextTask(t.as(), { projectId: "alpha" });
  expect(taken).toBeNull();
  expect(idle).toMatchObject({ message: "No pending tasks for project", pending: 0, held: 1 });
  expect(idle?.retryAt).toBeInstanceOf(Date);
});

it("hands an expired lease's task to the next worker, with the checkpoint of the first", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  const [first, second] = [t.as({ client: "one" }), t.as({ client: "two" })];
  await claimNextTask(first, { projectId: "alpha", worker: "anna", leaseSeconds: 60 });
  await renewTaskLease(first, { taskId: "TASK-001", leaseSeconds: 60, checkpoint: { step: "tests green" } });
  await t.pass(61);
  const { taken } = await claimNextTask(second, { projectId: "alpha", worker: "bert" });
  expect(taken).toMatchObject({ projectId: "alpha", taskId: "TASK-001", attempt: 2 });
  expect(await briefings(second.db, [{ projectId: "alpha", taskId: "TASK-001", attempt: 2 }])).toMatchObject([
    { attempts: [{ number: 1, worker: "anna", outcome: "expired" }], checkpoint: { step: "tests green" } },
  ]);
  expect((await t.events()).map(({ type }) => type)).toEqual([
    "task.claimed",
    "task.checkpointed",
    "task.lease_expired",
    "task.claimed",
  ]);
});

it("refuses the late answer of a lost lease, naming the new holder", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  const first = t.as({ client: "one" });
  await claimNextTask(first, { projectId: "alpha", worker: "anna", leaseSeconds: 60 });
  await t.pass(61);
  await claimNextTask(t.as({ client: "two" }), { projectId: "alpha", worker: "bert" });
  for (const attempt of [await given(t, "TASK-001", 1), undefined])
    await expect(updateTaskStatus(first, { taskId: "TASK-001", status: "completed", attempt })).rejects.toMatchObject({
      code: "LEASE_LOST",
      details: { holder: { attempt: 2, worker: "bert" } },
    });
});

it("lets a late renewal succeed as long as nobody took the task", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { projectId: "alpha", leaseSeconds: 60 });
  await t.pass(3600);
  await expect(renewTaskLease(t.as(), { taskId: "TASK-001", leaseSeconds: 60 })).resolves.toMatchObject({ attempt: 1 });
});

it("changes neither the version nor the log when a lease is renewed without a checkpoint", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { projectId: "alpha" });
  const before = await t.owner.query("SELECT version FROM tasks");
  await renewTaskLease(t.as(), { taskId: "TASK-001" });
  expect((await t.owner.query("SELECT version FROM tasks")).rows).toEqual(before.rows);
  expect((await t.events()).map(({ type }) => type)).toEqual(["task.claimed"]);
});

it("gives the first answer again for the same idempotency key, also when both ask at once", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 5);
  const claim = () => claimNextTask(t.as(), { projectId: "alpha", idempotencyKey: "k1" });
  const answers = await Promise.all([claim(), claim(), claim(), claim()]);
  expect(new Set(answers.map(({ taken }) => taken?.taskId)).size).toBe(1);
  expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
  const held = await t.owner.query("SELECT count(*)::int AS n FROM tasks WHERE status = 'in_progress'");
  expect(held.rows[0]).toEqual({ n: 1 });
  await expect(claimNextTask(t.as(), { projectId: "alpha", worker: "x", idempotencyKey: "k1" })).rejects.toMatchObject({
    code: "IDEMPOTENCY_KEY_REUSED",
  });
});

it("takes a task by one statement, with an idempotency key as well, and nothing more when it is asked again", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  const read = vi.spyOn(t.database, "read");
  const write = vi.spyOn(t.database, "write");
  const input = { projectId: "alpha", idempotencyKey: "k" };
  const { taken } = await claimNextTask(t.as(), input);
  expect(read).not.toHaveBeenCalled();
  expect(write).toHaveBeenCalledOnce();
  const again = await claimNextTask(t.as(), input);
  expect(again).toMatchObject({ replayed: true, taken: { taskId: taken?.taskId, attempt: taken?.attempt } });
  expect((await t.events()).map(({ type }) => type)).toEqual(["task.claimed"]);
});

it("does not store an idle answer under its idempotency key", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 0);
  const ask = () => claimNextTask(t.as(), { projectId: "alpha", idempotencyKey: "k1" });
  expect((await ask()).taken).toBeNull();
  await seedTasks(t, "alpha", 1);
  expect((await ask()).taken?.taskId).toBe("TASK-001");
});

it("completes one task and takes the next in one call", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  await claimNextTask(t.as(), { projectId: "alpha", worker: "anna" });
  const next = await completeAndClaimNext(t.as(), { taskId: "TASK-001", completionNotes: "done" });
  expect(next).toMatchObject({ completed: { taskId: "TASK-001" }, taken: { taskId: "TASK-002", attempt: 1 } });
  const last = await completeAndClaimNext(t.as(), { taskId: "TASK-002", attempt: await given(t, "TASK-002") });
  expect(last).toMatchObject({ taken: null, idle: { message: "No pending tasks for project" } });
});

it("looks at the task that a claim would take, and changes nothing", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  await claimNextTask(t.as(), { projectId: "alpha", leaseSeconds: 60 });
  expect((await nextTask(t.as(), { projectId: "alpha", status: "pending" })).task?.taskId).toBe("TASK-002");
  expect((await nextTask(t.as(), { projectId: "alpha", status: "in_progress" })).task?.taskId).toBe("TASK-001");
  await t.pass(61);
  expect((await nextTask(t.as(), { projectId: "alpha", status: "pending" })).task?.taskId).toBe("TASK-001");
  expect(await nextTask(t.as(), { projectId: "alpha", status: "completed" })).toMatchObject({
    task: null,
    idle: { message: "No completed tasks for project" },
  });
});

it("asks again for work, and completes nothing twice, when an idle completeAndClaimNext is repeated with its key", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  await claimNextTask(t.as({ client: "other" }), { projectId: "alpha" });
  await claimNextTask(t.as(), { projectId: "alpha" });
  const attempt = await given(t, "TASK-002");
  const complete = () => completeAndClaimNext(t.as(), { taskId: "TASK-002", attempt, idempotencyKey: "k" });
  const first = await complete();
  expect(first.idle?.retryAt).toBeInstanceOf(Date);
  expect((await complete()).idle?.retryAt).toEqual(first.idle?.retryAt);
  expect((await t.events()).filter(({ type }) => type === "task.completed")).toHaveLength(1);
});

it("does not skip a task that a foreign key refers to at this moment", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  await t.owner.query("BEGIN");
  await t.owner.query("SELECT FROM tasks WHERE task_id = 'TASK-001' FOR KEY SHARE");
  expect((await claimNextTask(t.as(), { projectId: "alpha" })).taken?.taskId).toBe("TASK-001");
  await t.owner.query("ROLLBACK");
});
