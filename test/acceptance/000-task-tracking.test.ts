import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { idsFrom } from "../ids/projects.ts";
import { type McpAgent, startMcpAgent } from "../support/mcp-client.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { openSocket } from "../support/socket.ts";

// One file for the one document whose criteria and flows it names.
let server: TestServer;
/** Two agents that talk to the server through the MCP tools, each by a process of its own. */
let agents: readonly [McpAgent, McpAgent];

beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
  const start = () => startMcpAgent({ url: server.url, key: server.agentKey, keepOpen: true });
  agents = await Promise.all([start(), start()]);
});

afterAll(async () => {
  for (const agent of agents) await agent.close();
  await server.close();
});

let projects = 0;

/** The name of a project that only one test uses, and what the first agent calls in it. */
function newProject(name = "ai-agent-mcp-server") {
  const project = `${name}-${++projects}`;
  const call: McpAgent["call"] = (tool, args) => agents[0].call(tool, { project_id: project, ...args });
  return { project, call };
}

const addTasks = (projectId: string, ...tasks: object[]) =>
  server.ask(
    "mutation ($projectId: ID!, $tasks: [AddTaskItem!]!) { addTasks(input: {projectId: $projectId, createProject: true, tasks: $tasks}) { taskIds } }",
    { projectId, tasks },
  );

const reserve = (agent: McpAgent, project_id: string, count: number) =>
  agent.call("reserve_id_range", { artifact_type: "US", count, project_id });

const registerUpTo27 = (projectId: string) =>
  server.ask(
    `mutation ($projectId: ID!) {
      createProject(input: {projectId: $projectId, name: "Seeds"}) { replayed }
      registerIds(input: {projectId: $projectId, ids: ["US-027"]}) { registered }
    }`,
    { projectId },
  );

describe("acceptance criteria", () => {
  it("Criterion 1: get_next_task returns the next pending task with its ID, description and inputs", async () => {
    const { project, call } = newProject();
    await addTasks(
      project,
      { taskId: "TASK-046", description: "Generate HLS-007", generatorName: "hls-generator", inputs: ["PRD-006"] },
      { description: "Later" },
    );
    const { data, failed } = await call("get_next_task");
    expect(failed).toBe(false);
    expect(data["task"]).toMatchObject({
      task_id: "TASK-046",
      project_id: project,
      description: "Generate HLS-007",
      generator_name: "hls-generator",
      inputs: ["PRD-006"],
    });
  });

  it("Criterion 2: update_task_status stores the completion and confirms it", async () => {
    const { project, call } = newProject();
    await addTasks(project, { taskId: "TASK-045", description: "Generate US-015" });
    await call("get_next_task");
    const { data } = await call("update_task_status", {
      task_id: "TASK-045",
      status: "completed",
      notes: "US-015 generated successfully",
    });
    expect(data["updated_task"]).toMatchObject({ task_id: "TASK-045", status: "completed" });
    const owner = await connectOwner(server.test);
    const { rows } = await owner.query(
      "SELECT status, completion_notes, completed_at FROM tasks WHERE project_id = $1",
      [project],
    );
    expect(rows).toEqual([
      { status: "completed", completion_notes: "US-015 generated successfully", completed_at: expect.any(Date) },
    ]);
  });

  it("Criterion 3: add_task stores a batch of sub-artifacts and returns their task IDs", async () => {
    const { project, call } = newProject();
    const { data } = await call("add_task", {
      tasks: ["US-001", "US-002", "US-003"].map((artifact_id) => ({
        artifact_id,
        artifact_type: "us",
        generator: "us-generator",
        parent_id: "HLS-006",
      })),
    });
    expect(data).toMatchObject({ tasks_added: 3, task_ids: ["TASK-001", "TASK-002", "TASK-003"] });
    const owner = await connectOwner(server.test);
    const { rows } = await owner.query(
      "SELECT task_id, artifact_id, status FROM tasks WHERE project_id = $1 ORDER BY queue_position",
      [project],
    );
    expect(rows).toEqual([
      { task_id: "TASK-001", artifact_id: "US-001", status: "pending" },
      { task_id: "TASK-002", artifact_id: "US-002", status: "pending" },
      { task_id: "TASK-003", artifact_id: "US-003", status: "pending" },
    ]);
  });

  it("Criterion 4: ten reserve_id_range calls at once, from two agents, never overlap", async () => {
    const { project } = newProject();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => reserve(i % 2 === 0 ? agents[0] : agents[1], project, 6)),
    );
    expect(answers.map(({ failed, text }) => failed && text)).toEqual(Array(10).fill(false));
    const ids = answers.flatMap(({ data }) => data["reserved_ids"] as string[]);
    expect(ids.toSorted()).toEqual(idsFrom("US", 1, 60));
  });

  it("Criterion 5: get_next_task of one project never shows a task of another", async () => {
    const { project, call } = newProject("project-alpha");
    await addTasks(newProject("project-beta").project, { description: "Beta's, and more urgent", priority: 0 });
    await addTasks(project, { description: "Alpha's", priority: 4 });
    const ask = () => call("get_next_task");
    expect((await ask()).data["task"]).toMatchObject({ project_id: project, description: "Alpha's" });
    expect((await ask()).data).toMatchObject({ task: null, message: "No pending tasks for project" });
  });

  it("Criterion 6: a hundred requests at once, reading and writing, are all answered without an error", async () => {
    const { project } = newProject();
    await addTasks(project, ...Array.from({ length: 50 }, (_, i) => ({ description: `work ${i}` })));
    const kinds = [
      `query { nextTask(projectId: "${project}") { task { taskId } } }`,
      `mutation { claimNextTask(input: {projectId: "${project}"}) { task { taskId } } }`,
      `mutation { reserveIds(input: {projectId: "${project}", artifactType: "US", count: 2}) { reservedIds } }`,
      `query { tasks(filter: {projects: ["${project}"]}) { totalCount nodes { taskId } } }`,
    ];
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => server.gql(kinds[i % 4] ?? "")));
    expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([]);
  });

  it("Criterion 7: an unauthenticated request gets 401 over HTTP and MCP, and no WebSocket", async () => {
    for (const path of ["/graphql", "/mcp"])
      for (const authorization of [undefined, "Bearer dk_wrong", "Basic YTpi"]) {
        const response = await fetch(`${server.url}${path}`, {
          method: "POST",
          headers: { "content-type": "application/json", ...(authorization !== undefined && { authorization }) },
          body: JSON.stringify({ query: "{ projects { nodes { projectId } } }" }),
        });
        expect([path, authorization, response.status]).toEqual([path, authorization, 401]);
        expect(await response.text()).not.toContain("projectId");
      }
    for (const payload of [{}, { apiKey: "dk_wrong" }]) {
      const socket = await openSocket(server.wsUrl);
      socket.send({ type: "connection_init", payload });
      expect([4401, 4403]).toContain((await socket.closed).code);
    }
  });
});

describe("primary flows", () => {
  it("Happy path: a task is completed, and the next one of the project handed out", async () => {
    const { project, call } = newProject("project-alpha");
    await addTasks(
      project,
      { taskId: "TASK-045", description: "Generate US-015" },
      { taskId: "TASK-046", description: "Generate HLS-007", generatorName: "hls-generator", inputs: ["PRD-006"] },
    );
    const first = await call("get_next_task", { status_filter: "pending" });
    expect(first.data["task"]).toMatchObject({ task_id: "TASK-045", status: "in_progress" });
    const done = await call("update_task_status", {
      task_id: "TASK-045",
      status: "completed",
      notes: "US-015 generated successfully",
    });
    expect(done).toMatchObject({ failed: false, data: { updated_task: { task_id: "TASK-045", status: "completed" } } });
    const next = await call("get_next_task", { status_filter: "pending" });
    expect(next.data["task"]).toMatchObject({
      task_id: "TASK-046",
      description: "Generate HLS-007",
      generator_name: "hls-generator",
      inputs: ["PRD-006"],
    });
  });

  it("Happy path: six confirmed sub-artifacts become six tasks, in order", async () => {
    const { project, call } = newProject();
    await server.ask(`mutation {
      createProject(input: {projectId: "${project}", name: "Seeds"}) { replayed }
      registerIds(input: {projectId: "${project}", ids: ["TASK-045"]}) { registered }
    }`);
    const ids = idsFrom("HLS", 6, 11);
    const { data } = await call("add_task", {
      tasks: ids.map((artifact_id) => ({
        artifact_id,
        artifact_type: "hls",
        generator: "hls-generator",
        parent_id: "PRD-006",
        status: "pending",
      })),
    });
    expect(data).toMatchObject({ tasks_added: 6, task_ids: idsFrom("TASK", 46, 51) });
    for (const id of ids)
      expect((await call("get_next_task")).data["task"]).toMatchObject({
        description: `Generate ${id}`,
        generator_name: "hls-generator",
        inputs: ["PRD-006"],
        expected_outputs: [id],
      });
  });

  it("ID management: US-028 to US-033 are reserved for 15 minutes after US-027, and confirmed for good", async () => {
    const { project, call } = newProject();
    await registerUpTo27(project);
    const { data } = await call("reserve_id_range", { artifact_type: "US", count: 6 });
    expect(data["reserved_ids"]).toEqual(idsFrom("US", 28, 33));
    const owner = await connectOwner(server.test);
    const { rows } = await owner.query(
      "SELECT extract(epoch FROM expires_at - reserved_at)::int AS held FROM id_reservations WHERE confirmed_at IS NULL AND project_id = $1",
      [project],
    );
    expect(rows).toEqual([{ held: 15 * 60 }]);
    const { data: confirmed } = await agents[0].call("confirm_reservation", { reservation_id: data["reservation_id"] });
    expect(confirmed["confirmed_ids"]).toEqual(idsFrom("US", 28, 33));
    await owner.pass(24 * 3600);
    expect((await reserve(agents[0], project, 1)).data["reserved_ids"]).toEqual(["US-034"]);
  });
});

describe("alternative flows", () => {
  it("Alt Flow 1: two projects of a shared namespace that reserve at once get ranges that do not overlap", async () => {
    const sharing = ["project-alpha", "project-beta"].map((name) => newProject(name).project);
    for (const projectId of sharing)
      await server.ask(
        'mutation ($projectId: ID!) { createProject(input: {projectId: $projectId, name: "P", idNamespace: "company"}) { replayed } }',
        { projectId },
        { key: server.adminKey },
      );
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        sharing.map((project, i) => reserve(i === 0 ? agents[0] : agents[1], project, 6)),
      ).flat(),
    );
    const ids = answers.flatMap(({ data }) => data["reserved_ids"] as string[]);
    expect(ids.toSorted()).toEqual(idsFrom("US", 1, 120).toSorted());
  });

  it("Alt Flow 2: IDs not confirmed within 15 minutes are given again, and then cannot be confirmed", async () => {
    const { project } = newProject();
    await registerUpTo27(project);
    const first = await reserve(agents[0], project, 6);
    const owner = await connectOwner(server.test);
    await owner.pass(15 * 60 - 30);
    expect((await reserve(agents[0], project, 1)).data["reserved_ids"]).toEqual(["US-034"]);
    await owner.pass(60);
    expect((await reserve(agents[0], project, 6)).data["reserved_ids"]).toEqual(idsFrom("US", 28, 33));
    const late = await agents[0].call("confirm_reservation", { reservation_id: first.data["reservation_id"] });
    expect(late).toMatchObject({ failed: true, text: expect.stringContaining("Reservation expired or not found") });
  });

  it("Alt Flow 3: a query for one project's tasks receives that project's only", async () => {
    const { project, call } = newProject("project-alpha");
    await addTasks(project, { description: "a1" }, { description: "a2" });
    await addTasks(newProject("project-beta").project, { description: "b1" });
    const { data } = await call("list_tasks");
    expect(data).toMatchObject({ total: 2, tasks: [{ description: "a1" }, { description: "a2" }] });
    expect(JSON.stringify(data)).not.toContain("beta");
  });
});

describe("edge cases", () => {
  it("Task Not Found: says so, and which task", async () => {
    await addTasks(newProject().project, { description: "another" });
    const answer = await agents[0].call("update_task_status", { task_id: "TASK-999", status: "completed" });
    expect(answer).toMatchObject({ failed: true, text: expect.stringMatching(/^Task not found: TASK-999/) });
    const { errors } = await server.gql('{ task(taskId: "TASK-999") { status } }');
    expect(errors).toMatchObject([
      { message: "Task TASK-999 not found", extensions: { code: "TASK_NOT_FOUND", taskId: "TASK-999" } },
    ]);
  });

  it("Invalid Status Transition: completed → pending is refused without a reset", async () => {
    const { project, call } = newProject();
    await addTasks(project, { taskId: "TASK-045", description: "work", status: "COMPLETED" });
    const reopen = { task_id: "TASK-045", status: "pending" };
    const refused = await call("update_task_status", reopen);
    expect(refused).toMatchObject({ failed: true, text: expect.stringContaining("Invalid status transition") });
    const reset = await call("update_task_status", { ...reopen, reset: true });
    expect(reset.data["updated_task"]).toMatchObject({ status: "pending" });
  });

  it("ID Exhaustion: at the largest integer the answer is an error that says what to do", async () => {
    const { project, call } = newProject();
    await registerUpTo27(project);
    await server.ask(
      `mutation { registerIds(input: {projectId: "${project}", ids: ["US-2147483647"], allowJump: true}) { registered } }`,
      {},
      { key: server.adminKey },
    );
    for (const answer of [
      await reserve(agents[0], project, 1),
      await call("get_next_available_id", { artifact_type: "US" }),
    ])
      expect(answer).toMatchObject({ failed: true, text: expect.stringMatching(/No US numbers are left.*another/s) });
    expect((await call("get_next_available_id", { artifact_type: "SPEC" })).data["id"]).toBe("SPEC-001");
  });
});
