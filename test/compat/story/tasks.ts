import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { ReleasedClient } from "../released-client.ts";

const projectId = "alpha";

/** Adds five tasks to project alpha, takes the first through every verb, and asks for them in every way. */
export async function workOnTasks({ send }: ReleasedClient): Promise<void> {
  const item = {
    title: "A title",
    description: "the first",
    kind: "RESEARCH",
    labels: ["urgent"],
    priority: 0,
    dueDate: "2099-01-01T00:00:00Z",
    branchName: "feature/one",
    contextNotes: "know this",
    generatorName: "hls-generator",
    inputs: ["PRD-006"],
    expectedOutputs: ["HLS-007"],
    metadata: { size: 1 },
    projectId,
    status: "PENDING",
    taskId: "TASK-010",
  };
  const sub = { artifactId: "HLS-006", artifactType: "HLS", generator: "hls-generator", parentId: "PRD-006" };
  expect(
    await send("AddTasks", {
      input: {
        projectId,
        createProject: false,
        allowJump: false,
        leaseSeconds: 600,
        worker: "w",
        idempotencyKey: randomUUID(),
        tasks: [item, sub, { description: "third" }, { description: "fourth" }, { description: "fifth" }],
      },
    }),
  ).toMatchObject({
    addTasks: {
      tasksAdded: 5,
      taskIds: ["TASK-010", "TASK-011", "TASK-012", "TASK-013", "TASK-014"],
      tasks: [
        { title: "A title", kind: "RESEARCH", dueDate: "2099-01-01T00:00:00.000Z", metadata: { size: 1 } },
        { description: "Generate HLS-006", inputs: ["PRD-006"], expectedOutputs: ["HLS-006"] },
        { description: "third" },
        { description: "fourth" },
        { description: "fifth" },
      ],
    },
  });
  expect(await send("NextTask", { projectId, status: "PENDING", worker: "w" })).toMatchObject({
    nextTask: { task: { taskId: "TASK-010" }, idle: null },
  });
  const claimed = await send<{ claimNextTask: { attempt: string } }>("ClaimNextTask", {
    input: { projectId, worker: "w", leaseSeconds: 600, idempotencyKey: randomUUID() },
  });
  expect(claimed).toMatchObject({
    claimNextTask: { task: { taskId: "TASK-010", status: "IN_PROGRESS" }, briefing: { attempts: [] }, idle: null },
  });
  const first = { projectId, taskId: "TASK-010", attempt: claimed.claimNextTask.attempt };
  expect(
    await send("RenewTaskLease", {
      input: { ...first, leaseSeconds: 700, checkpoint: { step: 1 }, idempotencyKey: randomUUID() },
    }),
  ).toMatchObject({ renewTaskLease: { attempt: first.attempt, task: { taskId: "TASK-010" } } });
  const changed = {
    title: "Another",
    description: "changed",
    kind: "TASK",
    labels: ["urgent", "new"],
    priority: 1,
    dueDate: "2099-02-01T00:00:00Z",
    branchName: "feature/two",
    commitHash: "0123456789abcdef",
    prNumber: 7,
    contextNotes: "more",
    generatorName: "other",
    inputs: [],
    expectedOutputs: ["HLS-008"],
    metadata: { size: 2 },
    expectedVersion: 2,
  };
  expect(await send("UpdateTask", { input: { ...first, ...changed, idempotencyKey: randomUUID() } })).toMatchObject({
    updateTask: { task: { title: "Another", prNumber: 7, priority: 1, version: 3 } },
  });
  const next = await send<{ completeAndClaimNext: { attempt: string } }>("CompleteAndClaimNext", {
    input: { ...first, completionNotes: "done", worker: "w", leaseSeconds: 600, idempotencyKey: randomUUID() },
  });
  expect(next).toMatchObject({
    completeAndClaimNext: { completed: { status: "COMPLETED", completionNotes: "done" }, task: { taskId: "TASK-011" } },
  });
  const second = { projectId, taskId: "TASK-011", attempt: next.completeAndClaimNext.attempt };
  expect(
    await send("ReleaseTask", {
      input: { ...second, notes: "not now", checkpoint: { step: 2 }, idempotencyKey: randomUUID() },
    }),
  ).toMatchObject({ releaseTask: { task: { status: "PENDING" } } });
  const status = { projectId, taskId: "TASK-011", status: "IN_PROGRESS", worker: "w", leaseSeconds: 600 };
  const taken = await send<{ updateTaskStatus: { attempt: string } }>("UpdateTaskStatus", {
    input: { ...status, takeOver: true, expectedVersion: 3, idempotencyKey: randomUUID() },
  });
  expect(taken).toMatchObject({
    updateTaskStatus: { briefing: { checkpoint: { step: 2 }, attempts: [{ number: 1, outcome: "RELEASED" }] } },
  });
  const { attempt } = taken.updateTaskStatus;
  expect(
    await send("UpdateTaskStatus", {
      input: { ...second, attempt, status: "COMPLETED", completionNotes: "first try" },
    }),
  ).toMatchObject({ updateTaskStatus: { task: { status: "COMPLETED" } } });
  expect(
    await send("UpdateTaskStatus", { input: { projectId, taskId: "TASK-011", status: "PENDING", reset: true } }),
  ).toMatchObject({ updateTaskStatus: { task: { status: "PENDING", completedAt: null } } });
  const held = { projectId, taskId: "TASK-012", status: "IN_PROGRESS" };
  const third = await send<typeof taken>("UpdateTaskStatus", { input: held });
  expect(
    await send("DeleteTask", {
      input: {
        projectId,
        taskId: "TASK-012",
        attempt: third.updateTaskStatus.attempt,
        expectedVersion: 2,
        idempotencyKey: randomUUID(),
      },
    }),
  ).toMatchObject({ deleteTask: { task: { deletedAt: expect.any(String) } } });
  expect(await send("Task", { projectId, taskId: "TASK-010", afterAttempt: 0, attempts: 5, events: 10 })).toMatchObject(
    {
      task: {
        commitHash: "0123456789abcdef",
        project: { name: "Alpha two" },
        attempts: [{ number: 1, worker: "w", outcome: "COMPLETED", checkpoint: { step: 1 } }],
        history: {
          caughtUp: true,
          events: [
            { type: "task.created" },
            { type: "task.claimed", worker: "w" },
            { type: "task.checkpointed" },
            { type: "task.updated", changes: expect.arrayContaining([{ field: "priority", old: 0, new: 1 }]) },
            { type: "task.completed" },
          ],
        },
      },
    },
  );
  const filter = {
    projects: [projectId],
    status: { in: ["COMPLETED"] },
    kind: { eq: "TASK", in: ["TASK"] },
    labels: { contains: "urgent", in: ["new"] },
    priority: { eq: 1, gt: 0, gte: 1, lt: 2, lte: 1, in: [1] },
    dueDate: { gt: "2099-01-31T00:00:00Z", gte: "2099-02-01T00:00:00Z", lt: "2100-01-01T00:00:00Z", null: false },
    updatedAt: { gt: "-P1D", gte: "-PT1H", lte: "PT0S", lt: "2100-01-01T00:00:00Z" },
    claimedBy: { null: true },
    text: "another",
    ready: false,
    and: [{ status: { eq: "COMPLETED" } }],
    or: [{ claimedBy: { eq: "w" } }, { claimedBy: { in: ["w"] } }, { claimedBy: { contains: "w" } }, { ready: false }],
  };
  const found = await send<{ tasks: { nodes: { id: string }[]; pageInfo: { endCursor: string } } }>("Tasks", {
    filter,
    first: 10,
  });
  expect(found).toMatchObject({ tasks: { totalCount: 1, edges: [{ node: { taskId: "TASK-010" } }] } });
  const { endCursor } = found.tasks.pageInfo;
  const id = found.tasks.nodes[0]?.id ?? "";
  expect(await send("Node", { id })).toMatchObject({ node: { id, taskId: "TASK-010" } });
  expect(await send("Tasks", { filter, last: 10, before: endCursor })).toMatchObject({ tasks: { nodes: [] } });
  expect(await send("Tasks", { filter, first: 10, after: endCursor })).toMatchObject({ tasks: { nodes: [] } });
  expect(await send("Project", { projectId, types: 5, filter, first: 10 })).toMatchObject({
    project: {
      name: "Alpha two",
      taskCounts: expect.arrayContaining([{ status: "COMPLETED", count: 1 }]),
      idRegistry: expect.arrayContaining([expect.objectContaining({ artifactType: "TASK", lastAssigned: "TASK-014" })]),
      tasks: { totalCount: 1, nodes: [{ taskId: "TASK-010" }] },
    },
  });
  expect(await send("StatusCounts", { projects: [projectId] })).toMatchObject({
    statusCounts: expect.arrayContaining([{ status: "PENDING", count: 3 }]),
  });
}
