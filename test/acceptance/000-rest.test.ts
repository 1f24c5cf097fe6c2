import { describe, expect, it } from "vitest";
import { idsFrom } from "../ids/projects.ts";
import { rest, restTask } from "../support/rest.ts";
import { shareServer } from "../support/server.ts";

// The criteria and flows of the document that 000-task-tracking.test.ts goes through by MCP tools.
const shared = shareServer();

let projects = 0;

/** The name of a project that only one test uses. */
const newProject = (name = "ai-agent-mcp-server") => `${name}-${++projects}`;

const ask = (asked: string, body?: object) => rest(shared.server, asked, { body });

/** What a route answers where all is well. */
async function done(asked: string, body?: object) {
  const answer = await ask(asked, body);
  expect([asked, answer.status, answer.body]).toEqual([asked, 200, expect.objectContaining({ success: true })]);
  return answer.body;
}

const addTasks = (project_id: string, ...tasks: object[]) => done("POST /tasks/batch", { project_id, tasks });
const next = (project: string) => done(`GET /tasks/next?project=${project}&status=pending`);
const reserve = (project_id: string, count: number) => done("POST /ids/reserve", { type: "US", count, project_id });
const set = (project: string, taskId: string, body: object) =>
  ask(`PUT /tasks/${taskId}/status?project=${project}`, body);

const rowsOf = async (project: string, columns: string) =>
  (await shared.owner.query(`SELECT ${columns} FROM tasks WHERE project_id = $1 ORDER BY queue_position`, [project]))
    .rows;

const registerUpTo27 = (projectId: string) =>
  shared.server.ask(
    `mutation ($projectId: ID!) {
      createProject(input: {projectId: $projectId, name: "Seeds"}) { replayed }
      registerIds(input: {projectId: $projectId, ids: ["US-027"]}) { registered }
    }`,
    { projectId },
  );

describe("acceptance criteria", () => {
  it("Criterion 1: GET /tasks/next returns the next pending task with its ID, description and inputs", async () => {
    const project = newProject();
    const said = {
      ...{ task_id: "TASK-046", description: "Generate HLS-007", generator_name: "hls-generator" },
      inputs: ["PRD-006"],
    };
    await addTasks(project, said, { description: "Later" });
    expect(await next(project)).toEqual({ success: true, task: restTask(project, said) });
  });

  it("Criterion 2: PUT /tasks/{task_id}/status stores the completion and confirms it", async () => {
    const project = newProject();
    await addTasks(project, { task_id: "TASK-045", description: "Generate US-015" });
    const claimed = await set(project, "TASK-045", { status: "in_progress" });
    const held = {
      ...{ task_id: "TASK-045", description: "Generate US-015", status: "in_progress", attempts: 1, version: 2 },
      ...{ claimed_by: "agent", lease_expires_at: expect.any(String), started_at: expect.any(String) },
    };
    expect(claimed.body).toEqual({
      success: true,
      updated_task: restTask(project, { ...held, attempt: expect.stringMatching(/^1-/) }),
    });
    const completed = await set(project, "TASK-045", {
      status: "completed",
      completion_notes: "US-015 generated successfully",
    });
    expect(completed.body).toEqual({
      success: true,
      updated_task: restTask(project, {
        ...{ ...held, status: "completed", version: 3, claimed_by: null, lease_expires_at: null, attempt: null },
        ...{ completed_at: expect.any(String), completion_notes: "US-015 generated successfully" },
      }),
    });
    expect(await rowsOf(project, "status, completion_notes, completed_at")).toEqual([
      { status: "completed", completion_notes: "US-015 generated successfully", completed_at: expect.any(Date) },
    ]);
  });

  it("Criterion 3: POST /tasks/batch stores a batch of sub-artifacts and returns their task IDs", async () => {
    const project = newProject();
    const added = await addTasks(
      project,
      ...["US-001", "US-002", "US-003"].map((artifact_id) => ({
        artifact_id,
        artifact_type: "us",
        generator: "us-generator",
        parent_id: "HLS-006",
        status: "pending",
      })),
    );
    expect(added).toEqual({ success: true, tasks_added: 3, task_ids: ["TASK-001", "TASK-002", "TASK-003"] });
    expect(await rowsOf(project, "task_id, artifact_id, status")).toEqual([
      { task_id: "TASK-001", artifact_id: "US-001", status: "pending" },
      { task_id: "TASK-002", artifact_id: "US-002", status: "pending" },
      { task_id: "TASK-003", artifact_id: "US-003", status: "pending" },
    ]);
  });

  it("Criterion 4: ten POST /ids/reserve at once never overlap", async () => {
    const project = newProject();
    const answers = await Promise.all(Array.from({ length: 10 }, () => reserve(project, 6)));
    const ids = answers.flatMap(({ reserved_ids }) => reserved_ids as string[]);
    expect(ids.toSorted()).toEqual(idsFrom("US", 1, 60));
  });

  it("Criterion 5: GET /tasks/next of one project never shows a task of another", async () => {
    const project = newProject("project-alpha");
    await addTasks(newProject("project-beta"), { description: "Beta's, and more urgent", priority: 0 });
    await addTasks(project, { description: "Alpha's", priority: 4 });
    expect(await next(project)).toEqual({
      success: true,
      task: restTask(project, { task_id: "TASK-001", description: "Alpha's", priority: 4 }),
    });
    await set(project, "TASK-001", { status: "in_progress" });
    expect(await next(project)).toEqual({ success: true, task: null, message: "No pending tasks for project" });
  });

  it("Criterion 6: a hundred requests at once, reading and writing, are all answered without an error", async () => {
    const project = newProject();
    await addTasks(project, ...Array.from({ length: 50 }, (_, i) => ({ description: `work ${i}` })));
    await Promise.all(
      Array.from({ length: 25 }, (_, i) => [
        next(project),
        set(project, idsFrom("TASK", 1, 25)[i] ?? "", { status: "in_progress" }).then(({ status }) =>
          expect(status).toBe(200),
        ),
        reserve(project, 2),
        done(`GET /tasks?project=${project}`),
      ]).flat(),
    );
  });

  it("Criterion 7: an unauthenticated request gets 401", async () => {
    for (const headers of [{}, { authorization: "Bearer dk_wrong" }, { authorization: "Basic YTpi" }]) {
      const { status, body } = await rest(shared.server, "GET /tasks?project=alpha", { key: null, headers });
      expect(status).toBe(401);
      expect(body).toEqual({ success: false, error: expect.any(String), code: "UNAUTHENTICATED" });
    }
  });
});

describe("primary flows", () => {
  it("Happy path: a task is completed, and the next one of the project handed out", async () => {
    const project = newProject("project-alpha");
    const following = {
      ...{ task_id: "TASK-046", description: "Generate HLS-007", generator_name: "hls-generator" },
      inputs: ["PRD-006"],
    };
    await addTasks(project, { task_id: "TASK-045", description: "Generate US-015", status: "in_progress" }, following);
    const { status, body } = await set(project, "TASK-045", {
      status: "completed",
      notes: "US-015 generated successfully",
    });
    expect([status, body["updated_task"]]).toEqual([
      200,
      expect.objectContaining({ status: "completed", completion_notes: "US-015 generated successfully" }),
    ]);
    expect(await next(project)).toEqual({ success: true, task: restTask(project, following) });
  });

  it("Happy path: six confirmed sub-artifacts become six tasks, in order", async () => {
    const project = newProject();
    await shared.server.ask(`mutation {
      createProject(input: {projectId: "${project}", name: "Seeds"}) { replayed }
      registerIds(input: {projectId: "${project}", ids: ["TASK-045"]}) { registered }
    }`);
    const ids = idsFrom("HLS", 6, 11);
    const added = await done("POST /tasks/batch", {
      project_id: project,
      tasks: ids.map((artifact_id) => ({
        ...{ artifact_id, artifact_type: "hls", generator: "hls-generator", parent_id: "PRD-006", status: "pending" },
      })),
    });
    expect(added).toEqual({ success: true, tasks_added: 6, task_ids: idsFrom("TASK", 46, 51) });
    for (const [i, id] of ids.entries()) {
      const task_id = `TASK-0${46 + i}`;
      expect(await next(project)).toEqual({
        success: true,
        task: restTask(project, {
          ...{ task_id, description: `Generate ${id}`, generator_name: "hls-generator", inputs: ["PRD-006"] },
          ...{ expected_outputs: [id], artifact_id: id, artifact_type: "HLS" },
        }),
      });
      await set(project, task_id, { status: "in_progress" });
    }
  });

  it("ID management: US-028 to US-033 are reserved for 15 minutes after US-027, and confirmed for good", async () => {
    const project = newProject();
    await registerUpTo27(project);
    const reserved = await reserve(project, 6);
    expect(reserved).toEqual({
      success: true,
      reservation_id: expect.any(String),
      artifact_type: "US",
      reserved_ids: idsFrom("US", 28, 33),
      expires_at: expect.any(String),
    });
    const { rows } = await shared.owner.query(
      "SELECT extract(epoch FROM expires_at - reserved_at)::int AS held FROM id_reservations WHERE confirmed_at IS NULL AND project_id = $1",
      [project],
    );
    expect(rows).toEqual([{ held: 15 * 60 }]);
    const { reservation_id } = reserved;
    for (let time = 0; time < 2; time++)
      expect(await done("POST /ids/confirm", { reservation_id })).toEqual({
        ...{ success: true, reservation_id, confirmed: true },
      });
    await shared.owner.pass(24 * 3600);
    expect(await done(`GET /ids/next?type=US&project=${project}`)).toEqual({
      ...{ success: true, artifact_type: "US", next_id: "US-034", last_assigned: "US-033" },
    });
  });
});

describe("alternative flows", () => {
  it("Alt Flow 1: two projects of a shared namespace that reserve at once get ranges that do not overlap", async () => {
    const sharing = ["project-alpha", "project-beta"].map(newProject);
    for (const projectId of sharing)
      await shared.server.ask(
        'mutation ($projectId: ID!) { createProject(input: {projectId: $projectId, name: "P", idNamespace: "company"}) { replayed } }',
        { projectId },
        { key: shared.server.adminKey },
      );
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => sharing.map((project) => reserve(project, 6))).flat(),
    );
    const ids = answers.flatMap(({ reserved_ids }) => reserved_ids as string[]);
    expect(ids.toSorted()).toEqual(idsFrom("US", 1, 120).toSorted());
  });

  it("Alt Flow 2: IDs not confirmed within 15 minutes are given again, and then cannot be confirmed", async () => {
    const project = newProject();
    await registerUpTo27(project);
    const first = await reserve(project, 6);
    const expired = (of = `?project=${project}`) => done(`DELETE /ids/reservations/expired${of}`);
    await shared.owner.pass(15 * 60 - 30);
    expect(await expired()).toEqual({ success: true, deleted_count: 0 });
    expect((await reserve(project, 1))["reserved_ids"]).toEqual(["US-034"]);
    await shared.owner.pass(60);
    expect(await expired()).toEqual({ success: true, deleted_count: 1 });
    expect(await expired("")).toMatchObject({ success: true });
    expect((await reserve(project, 6))["reserved_ids"]).toEqual(idsFrom("US", 28, 33));
    const { reservation_id } = first;
    const late = await ask("POST /ids/confirm", { reservation_id });
    expect(late.status).toBe(404);
    expect(late.body).toEqual({
      success: false,
      error: "Reservation expired or not found",
      code: "RESERVATION_EXPIRED",
      reservation_id,
    });
  });

  it("Alt Flow 3: GET /tasks for one project receives that project's only", async () => {
    const project = newProject("project-alpha");
    await addTasks(project, { description: "a1" }, { description: "a2" });
    await addTasks(newProject("project-beta"), { description: "b1" });
    expect(await done(`GET /tasks?project=${project}`)).toEqual({
      success: true,
      tasks: ["a1", "a2"].map((description, i) => restTask(project, { task_id: `TASK-00${i + 1}`, description })),
      count: 2,
      total: 2,
    });
  });
});

describe("edge cases", () => {
  it("Task Not Found: says so, and which task", async () => {
    const { status, body } = await ask("PUT /tasks/TASK-999/status", { status: "completed" });
    expect(status).toBe(404);
    expect(body).toEqual({
      ...{ success: false, error: "Task TASK-999 not found", code: "TASK_NOT_FOUND", task_id: "TASK-999" },
    });
  });

  it("Invalid Status Transition: completed → pending is refused without a reset", async () => {
    const project = newProject();
    await addTasks(project, { task_id: "TASK-045", description: "work", status: "completed" });
    const refused = await set(project, "TASK-045", { status: "pending" });
    expect(refused).toMatchObject({
      status: 400,
      body: { success: false, error: "Invalid status transition: completed → pending" },
    });
    const reset = await set(project, "TASK-045", { status: "pending", reset: true });
    expect(reset.body).toEqual({
      success: true,
      updated_task: restTask(project, { task_id: "TASK-045", description: "work", version: 2, attempt: null }),
    });
  });

  it("ID Exhaustion: at the largest integer the answer is an error that says what to do", async () => {
    const project = newProject();
    await registerUpTo27(project);
    await shared.server.ask(
      `mutation { registerIds(input: {projectId: "${project}", ids: ["US-2147483647"], allowJump: true}) { registered } }`,
      {},
      { key: shared.server.adminKey },
    );
    for (const answer of [
      await ask("POST /ids/reserve", { type: "US", count: 1, project_id: project }),
      await ask(`GET /ids/next?type=US&project=${project}`),
    ])
      expect(answer).toMatchObject({
        status: 409,
        body: { success: false, error: expect.stringMatching(/No US numbers are left.*another/s) },
      });
    expect(await done(`GET /ids/next?type=SPEC&project=${project}`)).toMatchObject({ next_id: "SPEC-001" });
  });
});
