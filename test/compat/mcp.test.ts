import { expect, it } from "vitest";
import { startTestServer } from "../support/server.ts";
import { releasedClient } from "./released-client.ts";

it("still answers what the released MCP server asks", async () => {
  const server = await startTestServer();
  const mcp = releasedClient(server, "mcp");
  const asking = { key: server.agentKey, client: "mcp-session" };
  const projectId = "alpha";

  expect(
    await mcp.send(
      "AddTasks",
      {
        input: {
          projectId,
          createProject: true,
          idempotencyKey: "mcp-1",
          tasks: [
            { description: "first", priority: 1 },
            { description: "second", metadata: { size: 3 } },
          ],
        },
      },
      asking,
    ),
  ).toMatchObject({
    addTasks: {
      tasksAdded: 2,
      taskIds: ["TASK-001", "TASK-002"],
      createdProjects: ["alpha"],
      attempts: [null, null],
      tasks: [{ taskId: "TASK-001", projectId, project: { leaseSeconds: 3600 } }, { taskId: "TASK-002" }],
    },
  });
  expect(await mcp.send("ProjectNames", {}, asking)).toMatchObject({
    projects: { nodes: [{ projectId }], pageInfo: { hasNextPage: false } },
  });
  const { logCursor } = await mcp.send<{ logCursor: string }>("Now", {}, asking);
  expect(await mcp.send("LookAtNextTask", { projectId, status: "PENDING", worker: "w" }, asking)).toMatchObject({
    nextTask: { task: { task_id: "TASK-001", project_id: "alpha" }, idle: null, holding: [] },
  });
  const claimed = await mcp.send<{ claimNextTask: { attempt: string } }>(
    "ClaimNextTask",
    { input: { projectId, worker: "w", leaseSeconds: 600, idempotencyKey: "mcp-2" } },
    asking,
  );
  expect(claimed).toMatchObject({
    claimNextTask: {
      attempt: expect.stringMatching(/^1-/),
      task: { task_id: "TASK-001", status: "IN_PROGRESS", claimed_by: "w", priority: 1 },
      briefing: { attempts: [] },
      idle: null,
      holding: [],
    },
  });
  const { attempt } = claimed.claimNextTask;
  const held = { projectId, taskId: "TASK-001", attempt };
  expect(
    await mcp.send("RenewTaskLease", { input: { ...held, leaseSeconds: 600, checkpoint: { step: 1 } } }, asking),
  ).toMatchObject({ renewTaskLease: { attempt, task: { taskId: "TASK-001", project: { leaseSeconds: 3600 } } } });
  expect(await mcp.send("RenewHeldTask", { input: { ...held, leaseSeconds: 600 } }, asking)).toEqual({
    renewTaskLease: { attempt },
  });
  expect(await mcp.send("ReleaseHeldTask", { input: held }, asking)).toEqual({ releaseTask: { replayed: false } });
  const taken = { projectId, taskId: "TASK-001", status: "IN_PROGRESS", worker: "w" };
  expect(await mcp.send("UpdateTaskStatus", { input: taken }, asking)).toMatchObject({
    updateTaskStatus: {
      attempt: expect.stringMatching(/^2-/),
      task: { task_id: "TASK-001", project: { leaseSeconds: 3600 } },
      briefing: { checkpoint: { step: 1 }, attempts: [{ number: 1, worker: "w", outcome: "RELEASED" }] },
    },
  });
  const done = { projectId, taskId: "TASK-001", status: "COMPLETED", completionNotes: "done" };
  expect(await mcp.send("UpdateTaskStatus", { input: done }, asking)).toMatchObject({
    updateTaskStatus: { task: { completionNotes: "done", completedAt: expect.any(String) } },
  });
  expect(await mcp.send("GetTask", { taskId: "TASK-001" }, asking)).toMatchObject({
    task: { task_id: "TASK-001", completion_notes: "done", attemptCount: 2 },
  });
  expect(
    await mcp.send("GetAttempts", { projectId, taskId: "TASK-001", first: 5, after: 1, checkpoints: true }, asking),
  ).toMatchObject({ task: { attempts: [{ number: 2, outcome: "COMPLETED", checkpoint: null }] } });
  expect(
    await mcp.send(
      "ListTasks",
      {
        filter: { projects: [projectId], status: { in: ["PENDING", "COMPLETED"] }, text: "second" },
        first: 10,
        counted: true,
        full: true,
      },
      asking,
    ),
  ).toMatchObject({
    tasks: { totalCount: 1, edges: [{ node: { task_id: "TASK-002", metadata: { size: 3 } } }] },
  });
  const reserved = await mcp.send<{ reserveIds: { reservation: { reservationId: string } } }>(
    "ReserveIds",
    { input: { projectId, artifactType: "US", count: 3, ttlSeconds: 600 } },
    asking,
  );
  expect(reserved).toMatchObject({ reserveIds: { reservedIds: ["US-001", "US-002", "US-003"] } });
  const { reservationId } = reserved.reserveIds.reservation;
  expect(await mcp.send("ExtendReservation", { input: { reservationId, ttlSeconds: 900 } }, asking)).toMatchObject({
    extendReservation: { reservation: { reservationId, ids: ["US-001", "US-002", "US-003"] } },
  });
  expect(await mcp.send("ConfirmReservation", { input: { reservationId, ids: ["US-001"] } }, asking)).toMatchObject({
    confirmReservation: { reservation: { ids: ["US-001"] }, released: ["US-002", "US-003"] },
  });
  expect(await mcp.send("TakeNextId", { input: { projectId, artifactType: "US" } }, asking)).toEqual({
    nextId: { id: "US-002", lastAssigned: "US-003", reused: true },
  });
  expect(
    await mcp.send(
      "WaitForChanges",
      { filter: { projects: [projectId], types: ["task.completed"] }, after: logCursor, first: 50, waitSeconds: 10 },
      asking,
    ),
  ).toMatchObject({ events: { events: [{ type: "task.completed", project_id: "alpha", subject: "TASK-001" }] } });
  expect(mcp.left).toEqual(new Set());
});
