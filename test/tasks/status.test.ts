import { expect, it } from "vitest";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { releaseTask } from "../../src/tasks/release.ts";
import { renewTaskLease } from "../../src/tasks/renew-lease.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { given, seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const taskId = "TASK-001";

async function taskRow(t: VerbTest) {
  const { rows } = await t.owner.query("SELECT * FROM tasks WHERE task_id = $1", [taskId]);
  return rows[0];
}

it("stamps a completion and keeps its notes", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { projectId: "alpha" });
  await updateTaskStatus(t.as(), { taskId, status: "completed", completionNotes: "done" });
  expect(await taskRow(t)).toMatchObject({ status: "completed", completion_notes: "done", claimed_by: null });
  expect((await taskRow(t)).completed_at).toBeInstanceOf(Date);
  const events = await t.events();
  expect(events.at(-1)).toMatchObject({
    type: "task.completed",
    payload: { task: { taskId, status: "COMPLETED", completionNotes: "done" } },
  });
});

it.each([
  ["completed", "pending", {}],
  ["completed", "in_progress", {}],
  ["completed", "in_progress", { reset: true }],
  ["pending", "completed", {}],
] as const)("refuses %s → %s %o and changes nothing", async (from, to, options) => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await t.owner.query("UPDATE tasks SET status = $1", [from]);
  const before = await taskRow(t);
  await expect(updateTaskStatus(t.as(), { taskId, status: to, ...options })).rejects.toMatchObject({
    code: "INVALID_STATUS_TRANSITION",
    message: `Invalid status transition: ${from} → ${to}`,
  });
  expect(await taskRow(t)).toEqual(before);
});

it("resets a completed task on request; the notes stay with the attempt", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { projectId: "alpha" });
  await updateTaskStatus(t.as(), { taskId, status: "completed", completionNotes: "done" });
  await updateTaskStatus(t.as({ client: "other" }), { taskId, status: "pending", reset: true });
  expect(await taskRow(t)).toMatchObject({ status: "pending", completed_at: null, completion_notes: null });
  const { rows } = await t.owner.query("SELECT notes, outcome FROM task_attempts");
  expect(rows).toEqual([{ notes: "done", outcome: "completed" }]);
  expect((await t.events()).at(-1)).toMatchObject({
    type: "task.reset",
    payload: {
      changes: {
        status: { old: "COMPLETED", new: "PENDING" },
        completedAt: { old: expect.any(String), new: null },
        completionNotes: { old: "done", new: null },
      },
    },
  });
});

it("claims a task by the status IN_PROGRESS, with an attempt and a lease", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  const claimed = await updateTaskStatus(t.as(), { taskId, status: "in_progress", worker: "anna", leaseSeconds: 60 });
  expect(claimed.attempt).toBe(1);
  expect(await taskRow(t)).toMatchObject({ status: "in_progress", claimed_by: "anna", attempts: 1 });
  expect(await updateTaskStatus(t.as(), { taskId, status: "in_progress" })).toMatchObject({ attempt: 1 });
});

it("takes a task by IN_PROGRESS from another only once the lease has ended", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as({ client: "one" }), { projectId: "alpha", worker: "anna", leaseSeconds: 60 });
  const second = t.as({ client: "two" });
  await expect(updateTaskStatus(second, { taskId, status: "in_progress" })).rejects.toMatchObject({
    code: "LEASE_LOST",
    details: { holder: { worker: "anna" } },
  });
  await t.pass(61);
  expect(await updateTaskStatus(second, { taskId, status: "in_progress" })).toMatchObject({ attempt: 2 });
});

it("answers a repeated completion of the holder, and refuses that of another", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { projectId: "alpha" });
  await updateTaskStatus(t.as(), { taskId, status: "completed" });
  const version = (await taskRow(t)).version;
  await updateTaskStatus(t.as(), { taskId, status: "completed" });
  await updateTaskStatus(t.as({ client: "other" }), { taskId, status: "completed", attempt: await given(t, taskId) });
  expect((await taskRow(t)).version).toBe(version);
  await expect(updateTaskStatus(t.as({ client: "other" }), { taskId, status: "completed" })).rejects.toMatchObject({
    code: "LEASE_LOST",
  });
});

it("does not let two sessions under one worker name and one key pass for each other", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as({ client: "one" }), { projectId: "alpha", worker: "claude" });
  const other = t.as({ client: "two" });
  for (const write of [
    () => updateTaskStatus(other, { taskId, status: "completed" }),
    () => releaseTask(other, { taskId }),
    () => renewTaskLease(other, { taskId }),
    () => deleteTask(other, { taskId }),
  ])
    await expect(write()).rejects.toMatchObject({ code: "LEASE_LOST", details: { holder: { worker: "claude" } } });
  await updateTaskStatus(t.as({ client: "two", role: "admin" }), { taskId, status: "completed" });
});

it("never takes an ended attempt for current again", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { projectId: "alpha" });
  const attempt = await given(t, taskId);
  await releaseTask(t.as(), { taskId, attempt, notes: "stuck", checkpoint: { at: 3 } });
  await claimNextTask(t.as(), { projectId: "alpha" });
  for (const write of [
    () => updateTaskStatus(t.as(), { taskId, status: "completed", attempt }),
    () => releaseTask(t.as(), { taskId, attempt }),
    () => renewTaskLease(t.as(), { taskId, attempt }),
    () => updateTask(t.as(), { taskId, attempt, title: "x" }),
    () => deleteTask(t.as(), { taskId, attempt }),
  ])
    await expect(write()).rejects.toMatchObject({ code: "LEASE_LOST" });
  const { rows } = await t.owner.query("SELECT outcome, notes, checkpoint FROM task_attempts ORDER BY attempt");
  expect(rows[0]).toEqual({ outcome: "released", notes: "stuck", checkpoint: { at: 3 } });
});

it("lets any agent write to a task that plain SQL put in progress, under the project's lease", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await t.owner.query("UPDATE tasks SET status = 'in_progress'");
  expect((await taskRow(t)).lease_expires_at).toBeInstanceOf(Date);
  await updateTaskStatus(t.as(), { taskId, status: "completed", completionNotes: "Done" });
  expect(await taskRow(t)).toMatchObject({ status: "completed", completion_notes: "Done" });
});

it("refuses a change that expected another version", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await updateTask(t.as(), { taskId, title: "one", expectedVersion: 1 });
  await expect(updateTask(t.as(), { taskId, title: "two", expectedVersion: 1 })).rejects.toMatchObject({
    code: "VERSION_CONFLICT",
    message: "Task was modified by another client (expected version 1, current version 2)",
  });
});

it("writes only what differs, with old and new values in one event", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await updateTask(t.as(), {
    taskId,
    description: "work 1",
    priority: 0,
    labels: ["db"],
    kind: "research",
    inputs: ["US-001"],
  });
  await updateTask(t.as(), { taskId, priority: 0, labels: ["db"], kind: "research", inputs: ["US-001"] });
  expect(await taskRow(t)).toMatchObject({
    version: 2,
    priority: 0,
    labels: ["db"],
    inputs: ["US-001"],
    kind: "research",
  });
  expect((await t.events()).map(({ type, payload }) => [type, payload])).toEqual([
    [
      "task.updated",
      {
        changes: {
          priority: { old: 2, new: 0 },
          labels: { old: [], new: ["db"] },
          kind: { old: "TASK", new: "RESEARCH" },
          inputs: { old: [], new: ["US-001"] },
        },
      },
    ],
  ]);
});

it("names every bad field of an update", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await expect(
    updateTask(t.as(), { taskId, priority: 9, commitHash: "xyz", description: null, dueDate: new Date(0) }),
  ).rejects.toMatchObject({
    code: "BAD_USER_INPUT",
    message: expect.stringMatching(/description.*priority.*commitHash/s),
  });
  await expect(updateTask(t.as(), { taskId, dueDate: new Date(0) })).rejects.toThrow("Due date must be in the future");
});

it("deletes softly: off every list, its row and history kept, its attempt ended", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { projectId: "alpha" });
  await deleteTask(t.as(), { taskId });
  expect((await taskRow(t)).deleted_at).toBeInstanceOf(Date);
  const { rows } = await t.owner.query("SELECT outcome FROM task_attempts");
  expect(rows).toEqual([{ outcome: "cancelled" }]);
  expect((await t.events()).at(-1)).toMatchObject({ type: "task.deleted", payload: { task: { taskId } } });
  await expect(deleteTask(t.as(), { taskId })).rejects.toMatchObject({ code: "TASK_NOT_FOUND" });
});

it("finds a task by its id alone when one visible project has it, or the caller holds only one of them", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await seedTasks(t, "beta", 1);
  const done = (viewer = {}) => updateTaskStatus(t.as(viewer), { taskId, status: "completed" });
  await expect(done()).rejects.toMatchObject({ code: "AMBIGUOUS_TASK_ID", details: { projectIds: ["alpha", "beta"] } });
  await claimNextTask(t.as(), { projectId: "beta" });
  expect(await done()).toMatchObject({ projectId: "beta" });
  await claimNextTask(t.as({ client: "limited" }), { projectId: "alpha" });
  expect(await done({ client: "limited", projectIds: ["alpha"] })).toMatchObject({ projectId: "alpha" });
  await expect(done({ projectIds: ["gamma"] })).rejects.toMatchObject({ code: "TASK_NOT_FOUND" });
});

it("refuses readers every write", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  const reader = t.as({ role: "reader" });
  for (const write of [
    () => claimNextTask(reader, { projectId: "alpha" }),
    () => updateTaskStatus(reader, { taskId, status: "in_progress" }),
    () => updateTask(reader, { taskId, title: "x" }),
    () => deleteTask(reader, { taskId }),
    () => renewTaskLease(reader, { taskId }),
    () => releaseTask(reader, { taskId }),
  ])
    await expect(write()).rejects.toMatchObject({ code: "FORBIDDEN" });
});

it("answers a repeated reset of who reset it, and refuses that of another", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await claimNextTask(t.as(), { projectId: "alpha" });
  const reset = (viewer = {}) => updateTaskStatus(t.as(viewer), { taskId, status: "pending", reset: true });
  await reset();
  const { version } = await taskRow(t);
  await reset();
  expect((await taskRow(t)).version).toBe(version);
  await expect(reset({ client: "other" })).rejects.toMatchObject({ code: "LEASE_LOST" });
});
