import { describe, expect, it } from "vitest";
import { idsFrom } from "../ids/projects.ts";
import { startDatabaseProxy } from "../support/database-proxy.ts";
import { rest, restTask } from "../support/rest.ts";
import { makeProject, shareServer, startTestServer, type TestProject } from "../support/server.ts";

const shared = shareServer();

const task = ({ projectId }: TestProject, said: object) => restTask(projectId, said);

const addTasks = async (server: TestProject, ...tasks: object[]) => {
  const answer = await rest(server, "POST /tasks/batch", { body: { project_id: server.projectId, tasks } });
  expect(answer).toMatchObject({ status: 200, body: { success: true, tasks_added: tasks.length } });
};

const rowsOf = async (server: TestProject, columns: string) =>
  (
    await shared.owner.query(`SELECT ${columns} FROM tasks WHERE project_id = $1 ORDER BY queue_position`, [
      server.projectId,
    ])
  ).rows;

it("Scenario 1: GET /tasks/next answers the next pending task with all that a worker needs", async () => {
  const server = await makeProject(shared.server, []);
  const said = {
    task_id: "TASK-051",
    description: "Generate PRD-006",
    generator_name: "prd-generator",
    inputs: ["EPIC-006"],
    expected_outputs: ["PRD-006"],
    context_notes: "New session CX required",
  };
  await addTasks(server, said, { task_id: "TASK-052", description: "Generate PRD-007" });
  for (const prefix of ["", "/api/v1"]) {
    const { status, headers, body } = await rest(
      server,
      `GET ${prefix}/tasks/next?project=${server.projectId}&status=pending`,
    );
    expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
    expect(body).toEqual({ success: true, task: task(server, said) });
  }
});

it("Scenario 2: GET /tasks/next answers null and says why when none is pending", async () => {
  const server = await makeProject(shared.server, []);
  await addTasks(server, { description: "done", status: "completed" });
  expect(await rest(server, `GET /tasks/next?project=${server.projectId}&status=pending`)).toMatchObject({
    status: 200,
    body: { success: true, task: null, message: "No pending tasks for project" },
  });
});

it("Scenario 3: PUT /tasks/{task_id}/status completes a task, with its time and notes", async () => {
  const server = await makeProject(shared.server, []);
  await addTasks(server, { task_id: "TASK-051", description: "work", status: "in_progress" });
  const { status, headers, body } = await rest(server, "PUT /tasks/TASK-051/status", {
    body: { status: "completed", completion_notes: "Done" },
  });
  expect([status, headers.get("etag")]).toEqual([200, '"2"']);
  expect(body).toEqual({
    success: true,
    updated_task: task(server, {
      ...{ task_id: "TASK-051", description: "work", status: "completed", completion_notes: "Done" },
      ...{ completed_at: expect.any(String), started_at: expect.any(String), attempts: 1, version: 2, attempt: null },
    }),
  });
  expect(
    await rowsOf(server, "status, completion_notes, now() - completed_at < interval '1 minute' AS just_now"),
  ).toEqual([{ status: "completed", completion_notes: "Done", just_now: true }]);
});

it("Scenario 4: PUT /tasks/{task_id}/status refuses an invalid transition and leaves the record as it was", async () => {
  const server = await makeProject(shared.server, []);
  await addTasks(server, { task_id: "TASK-051", description: "work", status: "completed" });
  const before = await rowsOf(server, "*");
  const { status, body } = await rest(server, "PUT /tasks/TASK-051/status", { body: { status: "pending" } });
  expect(status).toBe(400);
  expect(body).toEqual({
    success: false,
    error: "Invalid status transition: completed → pending",
    code: "INVALID_STATUS_TRANSITION",
    from: "completed",
    to: "pending",
    remedy: expect.stringContaining("reset"),
  });
  expect(await rowsOf(server, "*")).toEqual(before);
});

it("Scenario 5: GET /tasks lists the tasks of a project by status, with their number", async () => {
  const server = await makeProject(shared.server, []);
  const item = (status: string, i: number) => ({ description: `${status} ${i}`, status });
  await addTasks(server, ...[1, 2, 3].map((i) => item("completed", i)), ...[1, 2].map((i) => item("pending", i)));
  const { status, body } = await rest(server, `GET /tasks?project=${server.projectId}&status=completed`);
  expect(status).toBe(200);
  expect(body).toEqual({
    success: true,
    tasks: [1, 2, 3].map((i) =>
      task(server, {
        ...{ task_id: `TASK-00${i}`, description: `completed ${i}`, status: "completed" },
        completed_at: expect.any(String),
      }),
    ),
    count: 3,
    total: 3,
  });
});

it("Scenario 6: POST /tasks/batch adds six sub-artifact tasks", async () => {
  const server = await makeProject(shared.server, []);
  const artifacts = idsFrom("HLS", 6, 11);
  const { status, body } = await rest(server, "POST /tasks/batch", {
    body: {
      tasks: artifacts.map((artifact, i) => ({
        task_id: `TASK-0${46 + i}`,
        project_id: server.projectId,
        description: `Generate ${artifact}`,
        generator_name: "hls-generator",
        status: "pending",
        inputs: ["PRD-006"],
        expected_outputs: [artifact],
        context_notes: "",
      })),
    },
  });
  expect(status).toBe(200);
  expect(body).toEqual({ success: true, tasks_added: 6, task_ids: idsFrom("TASK", 46, 51) });
  expect(
    await rowsOf(server, "project_id, task_id, generator_name, status, inputs, expected_outputs, context_notes"),
  ).toEqual(
    artifacts.map((artifact, i) => ({
      project_id: server.projectId,
      task_id: `TASK-0${46 + i}`,
      generator_name: "hls-generator",
      status: "pending",
      inputs: ["PRD-006"],
      expected_outputs: [artifact],
      context_notes: "",
    })),
  );
});

it("Scenario 7: GET /tasks/next keeps projects apart", async () => {
  const [alpha, beta] = [await makeProject(shared.server, []), await makeProject(shared.server, [])];
  await addTasks(beta, { description: "beta's", priority: 0 });
  await addTasks(alpha, { description: "alpha's" });
  // By a key that sees both.
  const { body } = await rest(shared.server, `GET /tasks/next?project=${alpha.projectId}`);
  expect(body).toEqual({ success: true, task: task(alpha, { task_id: "TASK-001", description: "alpha's" }) });
  // By one that sees the other only, it is as if it were not there.
  const { status, body: refused } = await rest(beta, `GET /tasks/next?project=${alpha.projectId}`);
  expect(status).toBe(404);
  expect(refused).toEqual({
    success: false,
    error: `Project ${alpha.projectId} not found.`,
    code: "PROJECT_NOT_FOUND",
    project_id: alpha.projectId,
  });
});

it("Scenario 8: GET /tasks/next refuses a request that names no project", async () => {
  const { status, body } = await rest(shared.server, "GET /tasks/next");
  expect(status).toBe(400);
  expect(body).toEqual({ success: false, error: "Missing required parameter: project", code: "BAD_USER_INPUT" });
});

describe("a database that cannot be reached", () => {
  async function startBehindProxy() {
    const proxy = await startDatabaseProxy(shared.server.test.url);
    const test = { ...shared.server.test, url: proxy.url };
    return { proxy, server: await makeProject(await startTestServer({ test }), ["work"]) };
  }

  it("Scenario 9: GET /tasks/next tries a lost connection three times more, then answers 500 Database unavailable, logged with the stack", async () => {
    const { proxy, server } = await startBehindProxy();
    proxy.cutOn("task-next-ready");
    const { status, body } = await rest(server, `GET /tasks/next?project=${server.projectId}`);
    expect(status).toBe(500);
    expect(body).toEqual({
      success: false,
      error: "Database unavailable",
      code: "DATABASE_UNAVAILABLE",
      retryable: true,
      retry_after_ms: 1_000,
    });
    const pauses = proxy.cuts.slice(1).map((time, i) => time - (proxy.cuts[i] ?? 0));
    expect(pauses).toHaveLength(3);
    // Timers may fire a millisecond early.
    [100, 200, 400].forEach((pause, i) => void expect(pauses[i]).toBeGreaterThan(pause - 2));
    const logged = server.logged.find((line) => line["msg"] === "request failed");
    expect(logged).toMatchObject({ level: "error", err: { stack: expect.stringMatching(/\n\s+at /) } });

    proxy.restore();
    expect(await rest(server, `GET /tasks/next?project=${server.projectId}`)).toMatchObject({ status: 200 });
  });
});

it("Scenario 10: GET /tasks/next answers 100 requests at once, with no more connections than the pool may have", async () => {
  const server = await makeProject(shared.server, []);
  await addTasks(server, ...Array.from({ length: 100 }, (_, i) => ({ description: `work ${i}` })));
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => rest(server, `GET /tasks/next?project=${server.projectId}`)),
  );
  for (const { status, body } of answers)
    expect({ status, body }).toEqual({
      status: 200,
      body: { success: true, task: task(server, { task_id: "TASK-001", description: "work 0" }) },
    });
  expect(server.database.pool.totalCount).toBeLessThanOrEqual(25);
});
