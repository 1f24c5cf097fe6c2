import { expect, test } from "vitest";
import { startTestServer } from "../support/server.ts";

test("an event tells whose attempt it is about and what the key is called now", async () => {
  const server = await startTestServer();
  const session = { client: "s1" };
  const change = (field: string, more = "") =>
    server.ask(`mutation { ${field}(input: {projectId: "alpha", ${more}}) { replayed } }`, {}, session);
  await change("addTasks", 'createProject: true, tasks: [{description: "a"}, {description: "b"}]');
  await change("claimNextTask", 'worker: "ada"');
  await change("renewTaskLease", 'taskId: "TASK-001", checkpoint: {at: 1}');
  await change("releaseTask", 'taskId: "TASK-001"');
  await change("claimNextTask", 'worker: "bob"');
  await change("updateTaskStatus", 'taskId: "TASK-001", status: COMPLETED');
  await change("reserveIds", 'artifactType: "US", count: 2');
  await server.database.write("UPDATE api_keys SET name = 'renamed' WHERE name = 'agent'");

  const { events } = await server.ask<{ events: { events: Record<string, unknown>[] } }>(
    '{ events(filter: {projects: ["alpha"]}) { events { type actor keyName worker artifactIds } } }',
  );
  expect(events.events.map(({ type, worker, keyName }) => [type, worker, keyName])).toEqual([
    ["project.created", null, "renamed"],
    ["task.created", null, "renamed"],
    ["task.created", null, "renamed"],
    ["task.claimed", "ada", "renamed"],
    ["task.checkpointed", "ada", "renamed"],
    ["task.released", "ada", "renamed"],
    ["task.claimed", "bob", "renamed"],
    ["task.completed", "bob", "renamed"],
    ["ids.reserved", null, "renamed"],
  ]);
  expect(events.events[0]?.["actor"]).toMatch(/^dk_\w{8}\/agent$/);
  expect(events.events.map(({ artifactIds }) => artifactIds).filter((ids) => (ids as string[]).length > 0)).toEqual([
    ["US-001", "US-002"],
  ]);
});
