import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { idsFrom } from "../ids/projects.ts";
import { type McpAgent, startMcpAgent } from "../support/mcp-client.ts";
import { connectOwner } from "../support/owner.ts";
import {
  type GraphQLAnswer,
  makeProject,
  shareServer,
  startTestServer,
  type TestProject,
  type TestServer,
} from "../support/server.ts";

const shared = shareServer();

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

const errorsOf = (answers: readonly GraphQLAnswer<unknown>[]) => answers.flatMap(({ errors }) => errors ?? []);

interface Taken {
  readonly task: { readonly taskId: string } | null;
  readonly attempt: string | null;
  readonly idle: { readonly message: string } | null;
}

const TAKEN = "attempt task { taskId } idle { message }";

/** Works as an agent does, from the task it took until there is nothing left: what it completed, and its last answer. */
async function drainTasks(
  project: TestProject,
  client: string,
  first: Taken,
): Promise<{ done: string[]; last: Taken }> {
  const done: string[] = [];
  let last = first;
  while (last.task !== null) {
    const { taskId } = last.task;
    const { completeAndClaimNext }: { completeAndClaimNext: Taken } = await project.ask(
      `mutation ($taskId: ID!, $attempt: ID) {
        completeAndClaimNext(input: {projectId: "${project.projectId}", taskId: $taskId, attempt: $attempt, worker: "agent"}) { ${TAKEN} }
      }`,
      { taskId, attempt: last.attempt },
      { client },
    );
    done.push(taskId);
    last = completeAndClaimNext;
  }
  return { done, last };
}

describe("many agents at once", () => {
  it("are all answered, 100 with a task each, and do each of 120 exactly once, until all are told that none is left", async () => {
    const project = await makeProject(
      shared.server,
      times(100, (i) => `work ${i}`),
    );
    const { projectId } = project;
    await project.ask("mutation ($input: AddTasksInput!) { addTasks(input: $input) { tasksAdded } }", {
      input: { projectId, tasks: times(20, (i) => ({ description: `more ${i}` })) },
    });
    const claim = `mutation { claimNextTask(input: {projectId: "${projectId}", worker: "agent"}) { ${TAKEN} } }`;
    const askAll = async () => {
      const answers = await Promise.all(
        times(100, (i) => project.gql<{ claimNextTask: Taken }>(claim, {}, { client: `client-${i}` })),
      );
      expect(errorsOf(answers)).toEqual([]);
      return answers.map(({ data }) => data.claimNextTask);
    };
    const taken = await askAll();
    expect(taken.map(({ task }) => task?.taskId).toSorted()).toEqual(idsFrom("TASK", 1, 100));

    const drained = await Promise.all(taken.map((one, i) => drainTasks(project, `client-${i}`, one)));
    expect(drained.flatMap(({ done }) => done).toSorted()).toEqual(idsFrom("TASK", 1, 120));
    for (const last of [...drained.map(({ last }) => last), ...(await askAll())])
      expect(last).toEqual({ task: null, attempt: null, idle: { message: "No pending tasks for project" } });
    const { rows } = await shared.owner.query(
      "SELECT status, attempts, count(*)::int FROM tasks WHERE project_id = $1 GROUP BY status, attempts ORDER BY status",
      [projectId],
    );
    expect(rows).toEqual([{ status: "completed", attempts: 1, count: 120 }]);
    await shared.owner.query("SELECT drain()");
    const events = await shared.owner.query(
      `SELECT event_type, count(*)::int, count(DISTINCT subject_id)::int AS tasks FROM events
       WHERE subject_type = 'task' AND project_id = $1 GROUP BY 1 ORDER BY 1`,
      [projectId],
    );
    expect(events.rows).toEqual(
      ["task.claimed", "task.completed", "task.created"].map((event_type) => ({ event_type, count: 120, tasks: 120 })),
    );
  });

  it("get 300 distinct IDs and leave the counter at 300, when 50 reserve 6 of one sequence", async () => {
    const project = await makeProject(shared.server, []);
    const { projectId } = project;
    const answers = await Promise.all(
      times(50, (i) =>
        project.gql<{ reserveIds: { reservedIds: string[] } }>(
          `mutation { reserveIds(input: {projectId: "${projectId}", artifactType: "US", count: 6}) { reservedIds } }`,
          {},
          { client: `client-${i}` },
        ),
      ),
    );
    expect(errorsOf(answers)).toEqual([]);
    const ids = answers.flatMap(({ data }) => data.reserveIds.reservedIds);
    expect(ids.toSorted()).toEqual(idsFrom("US", 1, 300));
    const { idRegistry } = await project.ask<{ idRegistry: unknown }>(
      `{ idRegistry(projectId: "${projectId}", artifactType: "US") { lastAssigned nextAvailable } }`,
    );
    expect(idRegistry).toEqual([{ lastAssigned: "US-300", nextAvailable: "US-301" }]);
  });

  it("meet no serialization failure, when 20 namespaces reserve, confirm, take and register IDs and add tasks", async () => {
    const { server, owner } = shared;
    const projects = times(20, (i) => `namespace-${i}`);
    await server.ask(
      `mutation { ${projects.map((id, i) => `p${i}: createProject(input: {projectId: "${id}", name: "P"}) { replayed }`)} }`,
    );
    const answers = await Promise.all(
      projects.flatMap((projectId) => [
        reserveAndConfirm(server, projectId),
        reserveAndConfirm(server, projectId),
        server.gql(`mutation { takeId(input: {projectId: "${projectId}", artifactType: "US"}) { id } }`),
        server.gql(`mutation { registerIds(input: {projectId: "${projectId}", ids: ["US-900"]}) { registered } }`),
        server.gql(
          `mutation { addTasks(input: {projectId: "${projectId}", tasks: [{description: "work"}]}) { taskIds } }`,
        ),
      ]),
    );
    expect(errorsOf(answers)).toEqual([]);
    const { rows } = await owner.query(
      `SELECT project_id, sum(n)::int AS given FROM (SELECT project_id, (SELECT sum(upper(r) - lower(r)) FROM unnest(numbers) r) AS n
       FROM id_reservations WHERE project_id LIKE 'namespace-%' AND artifact_type = 'US' AND confirmed_at IS NOT NULL) each GROUP BY 1`,
    );
    expect(rows).toHaveLength(20);
    expect(new Set(rows.map(({ given }) => given))).toEqual(new Set([3 + 3 + 1 + 1]));
  });
});

async function reserveAndConfirm(server: TestServer, projectId: string): Promise<GraphQLAnswer<unknown>> {
  const reserved = await server.gql<{ reserveIds: { reservation: { reservationId: string } } | null }>(
    `mutation { reserveIds(input: {projectId: "${projectId}", artifactType: "US", count: 3}) { reservation { reservationId } } }`,
  );
  if (!reserved.data.reserveIds) return reserved;
  const { reservationId } = reserved.data.reserveIds.reservation;
  return server.gql("mutation ($id: ID!) { confirmReservation(input: {reservationId: $id}) { released } }", {
    id: reservationId,
  });
}

/** The project of two agents. The server has no other until a test makes it, and their key may see all. */
const HOME = "home";
let server: TestServer;
let agent: McpAgent;
let twin: McpAgent;

beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
  const { url, agentKey: key } = server;
  const start = () => startMcpAgent({ url, key, project: HOME, name: "twin", keepOpen: true });
  [agent, twin] = await Promise.all([start(), start()]);
});

afterAll(async () => {
  await Promise.all([agent.close(), twin.close()]);
  await server.close();
});

/** Adds a task that is no other test's: its id. */
async function addTask(projectId: string): Promise<string> {
  const { addTasks } = await server.ask<{ addTasks: { taskIds: [string] } }>(
    `mutation { addTasks(input: {projectId: "${projectId}", createProject: true, tasks: [{description: "work"}]}) { taskIds } }`,
  );
  return addTasks.taskIds[0];
}

describe("of two sessions under one worker name and one key", () => {
  it("none passes for the other, neither through the tools nor by a client id", async () => {
    const task_id = await addTask(HOME);
    await agent.call("get_next_task", { worker: "twin" });
    for (const [tool, args] of [
      ["update_task_status", { task_id, status: "completed" }],
      ["update_task_status", { task_id, status: "in_progress" }],
      ["update_task_status", { task_id, status: "pending" }],
      ["renew_task_lease", { task_id }],
    ] as const)
      expect([tool, await twin.call(tool, args)]).toEqual([
        tool,
        expect.objectContaining({ failed: true, text: expect.stringMatching(/held by twin \(attempt 1\)/) }),
      ]);
    const document = `mutation { releaseTask(input: {projectId: "${HOME}", taskId: "${task_id}"}) { task { status } } }`;
    for (const asking of [{}, { client: "twin" }]) {
      const { errors } = await server.gql(document, {}, asking);
      expect(errors?.[0]?.extensions).toMatchObject({ code: "LEASE_LOST", holder: { worker: "twin" } });
    }
    const done = await agent.call("update_task_status", { task_id, status: "completed" });
    expect(done.failed).toBe(false);
  });

  it("the one that works in another project means that one when it repeats its completion, never the task of the same id at home", async () => {
    const task_id = await addTask(HOME);
    // The others of there, with lower numbers, it takes first.
    while ((await addTask("elsewhere")) !== task_id) await agent.call("get_next_task", { project_id: "elsewhere" });
    await agent.call("get_next_task", { project_id: "elsewhere" });
    await twin.call("get_next_task");
    const complete = () => agent.call("update_task_status", { task_id, status: "completed", notes: "done" });
    for (let i = 0; i < 2; i++)
      expect((await complete()).data).toMatchObject({ updated_task: { project_id: "elsewhere", status: "completed" } });
    // Once it holds the one at home too, a call may mean either: it is asked which.
    await twin.call("update_task_status", { task_id, status: "pending" });
    await agent.call("get_next_task");
    expect(await complete()).toMatchObject({ failed: true, text: expect.stringContaining("project_id") });
    const { task } = await server.ask<{ task: unknown }>(
      `{ task(projectId: "${HOME}", taskId: "${task_id}") { status completionNotes } }`,
    );
    expect(task).toEqual({ status: "IN_PROGRESS", completionNotes: null });
    await agent.call("update_task_status", { project_id: HOME, task_id, status: "completed" });
  });
});

describe("a worker that is killed while it holds a task", () => {
  it("leaves it to another, who is told the checkpoint, and is refused when its answer comes late", async () => {
    const task_id = await addTask(HOME);
    const owner = await connectOwner(server.test);
    const taken = await agent.call("get_next_task", { worker: "anna", lease_seconds: 600 });
    expect(taken.data).toMatchObject({ task: { task_id }, attempt: expect.stringMatching(/^1-/) });
    await agent.call("renew_task_lease", { task_id, checkpoint: { step: "tests green" } });
    process.kill(agent.pid, "SIGKILL");

    expect((await twin.call("get_next_task")).data["task"]).toBeNull();
    await owner.pass(601);
    expect((await twin.call("get_next_task")).data).toMatchObject({
      task: { task_id },
      attempt: expect.stringMatching(/^2-/),
      briefing: {
        checkpoint: { step: "tests green" },
        attempts: [{ number: 1, worker: "anna", outcome: "expired" }],
      },
    });

    const late = await server.gql(
      `mutation ($attempt: ID) { updateTaskStatus(input: {projectId: "${HOME}", taskId: "${task_id}", status: COMPLETED, attempt: $attempt}) { replayed } }`,
      { attempt: taken.data["attempt"] },
    );
    expect(late.errors).toMatchObject([
      {
        message: expect.stringContaining("held by twin"),
        extensions: { code: "LEASE_LOST", holder: { attempt: 2, worker: "twin" } },
      },
    ]);
    const done = await twin.call("update_task_status", { task_id, status: "completed" });
    expect(done.failed).toBe(false);
  });
});
