import { expect, it } from "vitest";
import { startTestServer } from "../support/server.ts";
import { releasedClient } from "./released-client.ts";

it("still answers what the released README and documentation show", async () => {
  const server = await startTestServer();
  const readme = releasedClient(server, "readme");
  expect(await readme.send("AddByCurl")).toEqual({ addTasks: { taskIds: ["TASK-001"] } });
  expect(await readme.send("Take")).toMatchObject({
    claimNextTask: { attempt: expect.any(String), task: { taskId: "TASK-001" }, briefing: { attempts: [] } },
  });
  expect(await readme.send("AllProjectsAtOnce")).toMatchObject({
    projects: {
      nodes: [{ projectId: "alpha", taskCounts: expect.arrayContaining([{ status: "IN_PROGRESS", count: 1 }]) }],
    },
    tasks: { totalCount: 1, nodes: [{ taskId: "TASK-001", claimedBy: "agent-1" }] },
  });
  expect(await readme.send("Complete")).toMatchObject({
    updateTaskStatus: { task: { completedAt: expect.any(String) } },
  });
  expect(await readme.send("Reserve")).toMatchObject({
    reserveIds: { reservedIds: ["US-001", "US-002", "US-003", "US-004", "US-005", "US-006"] },
  });
  for (const stream of ["Watch", "WatchByCurl"])
    expect(await readme.send(stream)).toMatchObject({ taskEvents: { caughtUp: true, events: [] } });
  expect(await readme.send("WaitWithoutSubscription")).toMatchObject({
    events: { caughtUp: true, events: expect.arrayContaining([expect.objectContaining({ type: "task.completed" })]) },
  });
  expect(await readme.send("HistoryOfATask")).toMatchObject({
    task: { history: { events: [{ type: "task.created" }, { type: "task.claimed" }, { type: "task.completed" }] } },
  });
  expect(await readme.send("MakeWebhook")).toMatchObject({
    createWebhook: { secret: expect.stringMatching(/^whsec_/) },
  });
  expect(await readme.send("DeadLetters")).toMatchObject({
    webhooks: { nodes: [{ url: "https://ci.example.com/docket", dead: 0, deliveries: { nodes: [] } }] },
  });
  expect(readme.left).toEqual(new Set());
});
