import { describe, expect, it } from "vitest";
import { idsFrom } from "../ids/projects.ts";
import { startMcpAgent } from "../support/mcp-client.ts";
import { connectOwner } from "../support/owner.ts";
import { type GraphQLAnswer, startTestServer, type TestServer } from "../support/server.ts";

const PROJECT = "alpha";

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

const addTasks = (server: TestServer, count: number, projectId = PROJECT) =>
  server.ask(
    "mutation ($projectId: ID!, $tasks: [AddTaskItem!]!) { addTasks(input: {projectId: $projectId, createProject: true, tasks: $tasks}) { tasksAdded } }",
    { projectId, tasks: times(count, (i) => ({ description: `work ${i}` })) },
  );

const createProject = (server: TestServer, projectId: string) =>
  server.ask('mutation ($id: ID!) { createProject(input: {projectId: $id, name: "P"}) { replayed } }', {
    id: projectId,
  });

const errorsOf = (answers: readonly GraphQLAnswer<unknown>[]) => answers.flatMap(({ errors }) => errors ?? []);

interface Taken {
  readonly task: { readonly taskId: string } | null;
  readonly attempt: string | null;
}

/** Works as an agent does until there is nothing left: the tasks it completed. */
async function drainTasks(server: TestServer, client: string): Promise<string[]> {
  const done: string[] = [];
  const asking = { client };
  const { claimNextTask } = await server.ask<{ claimNextTask: Taken }>(
    `mutation { claimNextTask(input: {projectId: "${PROJECT}", worker: "agent"}) { attempt task { taskId } } }`,
    {},
    asking,
  );
  let { task, attempt } = claimNextTask;
  while (task !== null) {
    done.push(task.taskId);
    const { completeAndClaimNext }: { completeAndClaimNext: Taken } = await server.ask(
      `mutation ($taskId: ID!, $attempt: ID) {
        completeAndClaimNext(input: {projectId: "${PROJECT}", taskId: $taskId, attempt: $attempt, worker: "agent"}) { attempt task { taskId } }
      }`,
      { taskId: task.taskId, attempt },
      asking,
    );
    ({ task, attempt } = completeAndClaimNext);
  }
  return done;
}

describe("many agents at once", () => {
  it("do each of 500 tasks exactly once, when 20 clients drain them", async () => {
    const server = await startTestServer();
    for (let i = 0; i < 5; i++) await addTasks(server, 100);
    const done = await Promise.all(times(20, (i) => drainTasks(server, `client-${i}`)));
    expect(done.flat().toSorted()).toEqual(idsFrom("TASK", 1, 500));
    const owner = await connectOwner(server.test);
    const { rows } = await owner.query(
      "SELECT status, attempts, count(*)::int FROM tasks GROUP BY status, attempts ORDER BY status",
    );
    expect(rows).toEqual([{ status: "completed", attempts: 1, count: 500 }]);
    await owner.query("SELECT drain()");
    const events = await owner.query(
      `SELECT event_type, count(*)::int, count(DISTINCT subject_id)::int AS tasks FROM events
       WHERE subject_type = 'task' GROUP BY 1 ORDER BY 1`,
    );
    expect(events.rows).toEqual(
      ["task.claimed", "task.completed", "task.created"].map((event_type) => ({ event_type, count: 500, tasks: 500 })),
    );
  });

  it("get 300 distinct IDs and leave the counter at 300, when 50 reserve 6 of one sequence", async () => {
    const server = await startTestServer();
    await createProject(server, PROJECT);
    const answers = await Promise.all(
      times(50, (i) =>
        server.gql<{ reserveIds: { reservedIds: string[] } }>(
          `mutation { reserveIds(input: {projectId: "${PROJECT}", artifactType: "US", count: 6}) { reservedIds } }`,
          {},
          { client: `client-${i}` },
        ),
      ),
    );
    expect(errorsOf(answers)).toEqual([]);
    const ids = answers.flatMap(({ data }) => data.reserveIds.reservedIds);
    expect(ids.toSorted()).toEqual(idsFrom("US", 1, 300));
    const { idRegistry } = await server.ask<{ idRegistry: unknown }>(
      `{ idRegistry(projectId: "${PROJECT}", artifactType: "US") { lastAssigned nextAvailable } }`,
    );
    expect(idRegistry).toEqual([{ lastAssigned: "US-300", nextAvailable: "US-301" }]);
  });

  it("meet no serialization failure, when 20 namespaces reserve, confirm, take and register IDs and add tasks", async () => {
    const server = await startTestServer();
    const projects = times(20, (i) => `project-${i}`);
    for (const projectId of projects) await createProject(server, projectId);
    const answers = await Promise.all(
      projects.flatMap((projectId) => [
        reserveAndConfirm(server, projectId),
        reserveAndConfirm(server, projectId),
        server.gql(`mutation { nextId(input: {projectId: "${projectId}", artifactType: "US"}) { id } }`),
        server.gql(`mutation { registerIds(input: {projectId: "${projectId}", ids: ["US-900"]}) { registered } }`),
        server.gql(
          `mutation { addTasks(input: {projectId: "${projectId}", tasks: [{description: "work"}]}) { taskIds } }`,
        ),
      ]),
    );
    expect(errorsOf(answers)).toEqual([]);
    const owner = await connectOwner(server.test);
    const { rows } = await owner.query(
      `SELECT project_id, sum(n)::int AS given FROM (SELECT project_id, (SELECT sum(upper(r) - lower(r)) FROM unnest(numbers) r) AS n
       FROM id_reservations WHERE artifact_type = 'US' AND confirmed_at IS NOT NULL) each GROUP BY 1`,
    );
    expect(rows).toHaveLength(20);
    expect(new Set(rows.map(({ given }) => given))).toEqual(new Set([3 + 3 + 1 + 1]));
  });

  it("are all answered, when 100 clients ask for work at once", async () => {
    const server = await startTestServer();
    await addTasks(server, 100);
    const claim = `mutation { claimNextTask(input: {projectId: "${PROJECT}"}) { task { taskId } idle { message } } }`;
    const ask = () =>
      Promise.all(times(100, (i) => server.gql<{ claimNextTask: Taken }>(claim, {}, { client: `client-${i}` })));
    const first = await ask();
    expect(errorsOf(first)).toEqual([]);
    expect(first.map(({ data }) => data.claimNextTask.task?.taskId).toSorted()).toEqual(idsFrom("TASK", 1, 100));
    const second = await ask();
    expect(errorsOf(second)).toEqual([]);
    for (const { data } of second)
      expect(data.claimNextTask).toEqual({ task: null, idle: { message: "No pending tasks for project" } });
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

describe("a worker that is killed while it holds a task", () => {
  it("leaves it to another, who is told the checkpoint, and is refused when its answer comes late", async () => {
    const server = await startTestServer();
    await addTasks(server, 1);
    const owner = await connectOwner(server.test);
    const start = (name: string) => startMcpAgent({ url: server.url, key: server.agentKey, project: PROJECT, name });
    const anna = await start("anna");
    const taken = await anna.call("get_next_task", { lease_seconds: 600 });
    expect(taken.data).toMatchObject({
      task: { task_id: "TASK-001" },
      attempt: expect.stringMatching(/^1-/),
    });
    await anna.call("renew_task_lease", { task_id: "TASK-001", checkpoint: { step: "tests green" } });
    process.kill(anna.pid, "SIGKILL");

    const bert = await start("bert");
    expect((await bert.call("get_next_task")).data["task"]).toBeNull();
    await owner.pass(601);
    expect((await bert.call("get_next_task")).data).toMatchObject({
      task: { task_id: "TASK-001" },
      attempt: expect.stringMatching(/^2-/),
      briefing: {
        checkpoint: { step: "tests green" },
        attempts: [{ number: 1, worker: "anna", outcome: "expired" }],
      },
    });

    const late = await server.gql(
      'mutation ($attempt: ID) { updateTaskStatus(input: {taskId: "TASK-001", status: COMPLETED, attempt: $attempt}) { replayed } }',
      { attempt: taken.data["attempt"] },
    );
    expect(late.errors).toMatchObject([
      {
        message: expect.stringContaining("held by bert"),
        extensions: { code: "LEASE_LOST", holder: { attempt: 2, worker: "bert" } },
      },
    ]);
    const done = await bert.call("update_task_status", { task_id: "TASK-001", status: "completed" });
    expect(done.failed).toBe(false);
  });
});

describe("an agent that works in another project than its own", () => {
  it("means that one when it repeats its completion, never the task of the same id at home", async () => {
    const server = await startTestServer();
    await addTasks(server, 1);
    await server.ask(
      'mutation { addTasks(input: {projectId: "elsewhere", createProject: true, tasks: [{description: "work"}]}) { tasksAdded } }',
    );
    const start = () => startMcpAgent({ url: server.url, key: server.agentKey, project: PROJECT });
    const [agent, neighbour] = await Promise.all([start(), start()]);
    await agent.call("get_next_task", { project_id: "elsewhere" });
    await neighbour.call("get_next_task");
    const complete = () =>
      agent.call("update_task_status", { task_id: "TASK-001", status: "completed", notes: "done" });
    for (let i = 0; i < 2; i++)
      expect((await complete()).data).toMatchObject({ updated_task: { project_id: "elsewhere", status: "completed" } });
    // Once it holds the one at home too, a call may mean either: it is asked which.
    await neighbour.call("update_task_status", { task_id: "TASK-001", status: "pending" });
    await agent.call("get_next_task");
    expect(await complete()).toMatchObject({ failed: true, text: expect.stringContaining("project_id") });
    const { task } = await server.ask<{ task: unknown }>(
      `{ task(projectId: "${PROJECT}", taskId: "TASK-001") { status completionNotes } }`,
    );
    expect(task).toEqual({ status: "IN_PROGRESS", completionNotes: null });
  });
});

describe("two sessions under one worker name and one key", () => {
  it("do not pass for each other, neither through the tools nor by a client id", async () => {
    const server = await startTestServer();
    await addTasks(server, 1);
    const start = () => startMcpAgent({ url: server.url, key: server.agentKey, project: PROJECT, name: "twin" });
    const [holder, twin] = await Promise.all([start(), start()]);
    await holder.call("get_next_task", { worker: "twin" });
    for (const [tool, args] of [
      ["update_task_status", { task_id: "TASK-001", status: "completed" }],
      ["update_task_status", { task_id: "TASK-001", status: "in_progress" }],
      ["update_task_status", { task_id: "TASK-001", status: "pending" }],
      ["renew_task_lease", { task_id: "TASK-001" }],
    ] as const)
      expect([tool, await twin.call(tool, args)]).toEqual([
        tool,
        expect.objectContaining({ failed: true, text: expect.stringMatching(/held by twin \(attempt 1\)/) }),
      ]);
    const document = 'mutation { releaseTask(input: {taskId: "TASK-001"}) { task { status } } }';
    for (const asking of [{}, { client: "twin" }]) {
      const { errors } = await server.gql(document, {}, asking);
      expect(errors?.[0]?.extensions).toMatchObject({ code: "LEASE_LOST", holder: { worker: "twin" } });
    }
    const done = await holder.call("update_task_status", { task_id: "TASK-001", status: "completed" });
    expect(done.failed).toBe(false);
  });
});
