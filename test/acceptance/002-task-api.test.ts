import { describe, expect, it } from "vitest";
import { idsFrom } from "../ids/projects.ts";
import { startDatabaseProxy } from "../support/database-proxy.ts";
import { makeProject, shareServer, startTestServer, type TestProject } from "../support/server.ts";

const shared = shareServer();

const NEXT = `query ($projectId: ID!) {
  nextTask(projectId: $projectId, status: PENDING) {
    task { taskId projectId description generatorName status inputs expectedOutputs contextNotes createdAt }
    idle { message }
  }
}`;
const UPDATE = `mutation ($input: UpdateTaskStatusInput!) {
  updateTaskStatus(input: $input) { task { taskId status completedAt completionNotes } }
}`;

const addTasks = (server: TestProject, ...tasks: object[]) =>
  server.ask<{ addTasks: { tasksAdded: number; taskIds: string[] } }>(
    "mutation ($input: AddTasksInput!) { addTasks(input: $input) { tasksAdded taskIds } }",
    { input: { projectId: server.projectId, tasks } },
  );

const next = (server: TestProject) => server.gql(NEXT, { projectId: server.projectId });

it("Scenario 1: retrieves the next pending task with all that a worker needs", async () => {
  const server = await makeProject(shared.server, []);
  await addTasks(
    server,
    {
      taskId: "TASK-051",
      description: "Generate PRD-006",
      generatorName: "prd-generator",
      inputs: ["EPIC-006"],
      expectedOutputs: ["PRD-006"],
      contextNotes: "New session CX required",
    },
    { taskId: "TASK-052", description: "Generate PRD-007" },
  );
  expect(await next(server)).toEqual({
    data: {
      nextTask: {
        task: {
          taskId: "TASK-051",
          projectId: server.projectId,
          description: "Generate PRD-006",
          generatorName: "prd-generator",
          status: "PENDING",
          inputs: ["EPIC-006"],
          expectedOutputs: ["PRD-006"],
          contextNotes: "New session CX required",
          createdAt: expect.any(String),
        },
        idle: null,
      },
    },
  });
});

it("Scenario 2: answers without a task and says why when none is pending", async () => {
  const server = await makeProject(shared.server, []);
  await addTasks(server, { description: "done", status: "COMPLETED" });
  expect(await next(server)).toEqual({
    data: { nextTask: { task: null, idle: { message: "No pending tasks for project" } } },
  });
});

it("Scenario 3: updates a task's status to completed, with its time and notes", async () => {
  const server = await makeProject(shared.server, []);
  await addTasks(server, { taskId: "TASK-051", description: "work", status: "IN_PROGRESS" });
  const input = { taskId: "TASK-051", status: "COMPLETED", completionNotes: "Done" };
  expect(await server.ask(UPDATE, { input })).toEqual({
    updateTaskStatus: {
      task: { taskId: "TASK-051", status: "COMPLETED", completedAt: expect.any(String), completionNotes: "Done" },
    },
  });
  const { rows } = await shared.owner.query(
    "SELECT status, completion_notes, now() - completed_at < interval '1 minute' AS just_now FROM tasks WHERE project_id = $1",
    [server.projectId],
  );
  expect(rows).toEqual([{ status: "completed", completion_notes: "Done", just_now: true }]);
});

it("Scenario 4: rejects an invalid status transition and leaves the record as it was", async () => {
  const server = await makeProject(shared.server, []);
  await addTasks(server, { taskId: "TASK-051", description: "work", status: "COMPLETED" });
  const state = () => shared.owner.query("SELECT * FROM tasks WHERE project_id = $1", [server.projectId]);
  const before = await state();
  const { data, errors } = await server.gql(UPDATE, { input: { taskId: "TASK-051", status: "PENDING" } });
  expect(data).toEqual({ updateTaskStatus: null });
  expect(errors).toMatchObject([
    {
      message: "Invalid status transition: completed → pending",
      extensions: { code: "INVALID_STATUS_TRANSITION", from: "completed", to: "pending", retryable: false },
    },
  ]);
  expect((await state()).rows).toEqual(before.rows);
});

it("Scenario 5: lists the tasks of a project by status, with their number", async () => {
  const server = await makeProject(shared.server, []);
  const item = (status: string, i: number) => ({ description: `${status} ${i}`, status });
  await addTasks(server, ...[1, 2, 3].map((i) => item("COMPLETED", i)), ...[1, 2].map((i) => item("PENDING", i)));
  const { tasks } = await server.ask<{ tasks: unknown }>(
    `{ tasks(filter: {projects: ["${server.projectId}"], status: {eq: COMPLETED}}) { totalCount nodes { description status } } }`,
  );
  expect(tasks).toEqual({
    totalCount: 3,
    nodes: [1, 2, 3].map((i) => ({ description: `COMPLETED ${i}`, status: "COMPLETED" })),
  });
});

it("Scenario 6: adds a batch of six sub-artifact tasks", async () => {
  const server = await makeProject(shared.server, []);
  const artifacts = idsFrom("HLS", 6, 11);
  const { addTasks: added } = await addTasks(
    server,
    ...artifacts.map((artifactId, i) => ({
      taskId: `TASK-0${46 + i}`,
      description: `Generate ${artifactId}`,
      generatorName: "hls-generator",
      status: "PENDING",
      inputs: ["PRD-006"],
      expectedOutputs: [artifactId],
      contextNotes: "",
    })),
  );
  expect(added).toEqual({ tasksAdded: 6, taskIds: idsFrom("TASK", 46, 51) });
  const { rows } = await shared.owner.query(
    "SELECT project_id, task_id, generator_name, status, inputs, expected_outputs FROM tasks WHERE project_id = $1 ORDER BY queue_position",
    [server.projectId],
  );
  expect(rows).toEqual(
    artifacts.map((artifactId, i) => ({
      project_id: server.projectId,
      task_id: `TASK-0${46 + i}`,
      generator_name: "hls-generator",
      status: "pending",
      inputs: ["PRD-006"],
      expected_outputs: [artifactId],
    })),
  );
});

it("Scenario 7: keeps projects apart", async () => {
  const [alpha, beta] = [await makeProject(shared.server, []), await makeProject(shared.server, [])];
  await addTasks(beta, { description: "beta's", priority: 0 });
  await addTasks(alpha, { description: "alpha's" });
  // By a key that sees both.
  expect(await shared.server.gql(NEXT, { projectId: alpha.projectId })).toMatchObject({
    data: { nextTask: { task: { projectId: alpha.projectId, description: "alpha's" } } },
  });
});

it("Scenario 8: refuses a request that names no project, and says what is missing, with 400 where it always has to", async () => {
  const ask = (query: string) =>
    fetch(`${shared.server.url}/graphql`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${shared.server.agentKey}`,
        "content-type": "application/json",
        accept: "application/graphql-response+json",
      },
      body: JSON.stringify({ query }),
    });
  const refusal = (message: RegExp) => ({
    errors: [{ message: expect.stringMatching(message), extensions: { code: "BAD_USER_INPUT" } }],
  });
  const response = await ask("{ project { name } }");
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject(refusal(/projectId.* is required/));
  // One of two has to be there: that is not in the schema.
  expect(await (await ask("{ nextTask { task { taskId } } }")).json()).toMatchObject(refusal(/projectId.*projects/));
});

describe("a database that cannot be reached", () => {
  /** A server whose way to its database the test can cut. */
  async function startBehindProxy() {
    const proxy = await startDatabaseProxy(shared.server.test.url);
    const test = { ...shared.server.test, url: proxy.url };
    return { proxy, server: await makeProject(await startTestServer({ test }), ["work"]) };
  }

  it("Scenario 9: tries a lost connection three times more, after 100, 200 and 400 ms", async () => {
    const { proxy, server } = await startBehindProxy();
    proxy.cutOn("task-next-ready");
    const { data, errors } = await next(server);
    expect(data).toEqual({ nextTask: null });
    expect(errors).toMatchObject([
      { message: "Database unavailable", extensions: { code: "DATABASE_UNAVAILABLE", retryable: true } },
    ]);
    const pauses = proxy.cuts.slice(1).map((time, i) => time - (proxy.cuts[i] ?? 0));
    expect(pauses).toHaveLength(3);
    // Timers may fire a millisecond early.
    [100, 200, 400].forEach((pause, i) => void expect(pauses[i]).toBeGreaterThan(pause - 2));
  });

  it("Scenario 9: answers 500 Database unavailable when the database stays away, and logs it with the stack", async () => {
    const { proxy, server } = await startBehindProxy();
    proxy.cut();
    const response = await fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${server.agentKey}`, "content-type": "application/json" },
      body: JSON.stringify({ query: NEXT, variables: { projectId: server.projectId } }),
    });
    expect(response.status).toBe(500);
    const body = await response.text();
    expect(JSON.parse(body)).toMatchObject({
      errors: [{ message: "Database unavailable", extensions: { code: "DATABASE_UNAVAILABLE" } }],
    });
    expect(body).not.toMatch(/ECONN|127\.0\.0\.1|terminated/);
    const request = server.logged.find((line) => line["msg"] === "request failed");
    expect(request).toMatchObject({ level: "error", err: { stack: expect.stringMatching(/\n\s+at /) } });

    proxy.restore();
    expect(await next(server)).toMatchObject({ data: { nextTask: { task: { description: "work" } } } });
  });

  it("Scenario 9: hides an outage that ends within the retries from whoever asks", async () => {
    const { proxy, server } = await startBehindProxy();
    proxy.cutOn("task-next-ready");
    const answer = next(server);
    await expect.poll(() => proxy.cuts.length, { interval: 5 }).toBe(2);
    proxy.restore();
    expect(await answer).toMatchObject({ data: { nextTask: { task: { description: "work" } } } });
  });
});

it("Scenario 10: answers 100 requests at once, with no more connections than the pool may have", async () => {
  const server = await makeProject(shared.server, []);
  await addTasks(server, ...Array.from({ length: 100 }, (_, i) => ({ description: `work ${i}` })));
  const answers = await Promise.all(Array.from({ length: 100 }, () => next(server)));
  for (const answer of answers)
    expect(answer).toMatchObject({ data: { nextTask: { task: { description: "work 0" } } } });
  expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([]);
  expect(server.database.pool.totalCount).toBeLessThanOrEqual(25);
});
