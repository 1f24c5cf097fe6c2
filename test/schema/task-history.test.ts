import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startTestServer, type TestProject, type TestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";

let shared: TestServer;
beforeAll(async () => {
  shared = await startTestServer({ keepOpen: true });
});
afterAll(() => shared.close());

interface History {
  events: { number: number; type: string; [field: string]: unknown }[];
  cursor: string;
  caughtUp: boolean;
}

const HISTORY = "history(first: $first, after: $after) { cursor caughtUp events { number type } }";

async function historyOf({ ask, projectId }: TestProject, taskId: string, first = 50, after: string | null = null) {
  const { task } = await ask<{ task: { history: History } }>(
    `query ($projectId: ID!, $taskId: ID!, $first: Int, $after: String) { task(projectId: $projectId, taskId: $taskId) { ${HISTORY} } }`,
    { projectId, taskId, first, after },
  );
  return task.history;
}

test("tells what happened to a task, by whom, from where and in which request, with old and new values", async () => {
  const server = await makeProject(shared, ["work"]);
  const asking = { client: "session-7", headers: { "x-request-id": "req-1" } };
  const { updateTask } = await server.ask<{ updateTask: { task: { history: History } } }>(
    `mutation { updateTask(input: {projectId: "${server.projectId}", taskId: "TASK-001", title: "New"}) { task { history {
      caughtUp events { number type subjectId actor client correlationId occurredAt changes { field old new } payload }
    } } } }`,
    {},
    asking,
  );
  const { viewer } = await server.ask<{ viewer: { actor: string } }>("{ viewer { actor } }");
  expect(updateTask.task.history).toMatchObject({
    caughtUp: true,
    events: [
      { type: "task.created", changes: [], payload: { task: { description: "work" } } },
      {
        type: "task.updated",
        subjectId: "TASK-001",
        actor: viewer.actor,
        client: "session-7",
        correlationId: "req-1",
        occurredAt: expect.any(String),
        changes: [{ field: "title", old: null, new: "New" }],
      },
    ],
  });
});

test("shows each of two mutations of one request what has happened until then", async () => {
  const server = await makeProject(shared, ["work"]);
  const types = "task { history { events { type } } }";
  const answer = await server.ask(`mutation {
    first: claimNextTask(input: {projectId: "${server.projectId}"}) { ${types} }
    second: releaseTask(input: {projectId: "${server.projectId}", taskId: "TASK-001"}) { ${types} }
  }`);
  const told = ["task.created", "task.claimed", "task.released"].map((type) => ({ type }));
  expect(answer).toEqual({
    first: { task: { history: { events: told.slice(0, 2) } } },
    second: { task: { history: { events: told } } },
  });
});

test("comes in pages that go on from their cursor, to the end of the log", async () => {
  const server = await makeProject(shared, ["a", "b"]);
  for (let i = 0; i < 4; i++)
    await server.ask(`mutation { updateTask(input: {projectId: "${server.projectId}", taskId: "TASK-001", title: "${i}"}) { replayed }
      other: updateTask(input: {projectId: "${server.projectId}", taskId: "TASK-002", title: "${i}"}) { replayed } }`);
  const pages: History[] = [];
  do pages.push(await historyOf(server, "TASK-001", 2, pages.at(-1)?.cursor));
  while (!pages.at(-1)?.caughtUp);
  expect(pages.map(({ events }) => events.length)).toEqual([2, 2, 1]);
  const all = await historyOf(server, "TASK-001");
  expect(pages.flatMap(({ events }) => events)).toEqual(all.events);
  const numbers = all.events.map(({ number }) => number);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  const { logCursor } = await server.ask<{ logCursor: string }>("{ logCursor }");
  expect(all).toMatchObject({ caughtUp: true, cursor: logCursor });
  expect(await historyOf(server, "TASK-001", 50, logCursor)).toMatchObject({ events: [], caughtUp: true });
});

test("keeps tasks of the same id in two projects apart", async () => {
  const [alpha, beta] = [
    (await makeProject(shared, ["work"])).projectId,
    (await makeProject(shared, ["work"])).projectId,
  ];
  await shared.ask(
    `mutation { updateTask(input: {projectId: "${beta}", taskId: "TASK-001", title: "B"}) { replayed } }`,
  );
  const { tasks } = await shared.ask<{ tasks: { nodes: { projectId: string; history: History }[] } }>(
    "query ($projects: [ID!]) { tasks(filter: {projects: $projects}) { nodes { projectId history { events { type projectId } } } } }",
    { projects: [alpha, beta] },
  );
  const types = Object.fromEntries(tasks.nodes.map(({ projectId, history }) => [projectId, history.events]));
  expect(types[alpha]).toEqual([{ type: "task.created", projectId: alpha }]);
  expect(types[beta]).toEqual(["task.created", "task.updated"].map((type) => ({ type, projectId: beta })));
});

test("refuses pages that are too large", async () => {
  const server = await makeProject(shared, Array<string>(51).fill("work"));
  const codes = async (document: string) => {
    const { data, errors } = await server.gql<{ tasks: { nodes: unknown[] } }>(document);
    return { data, codes: [...new Set(errors?.map(({ extensions }) => extensions["code"]))] };
  };
  for (const first of [0, 101, -5]) {
    const answer = await codes(`{ tasks { nodes { taskId history(first: ${first}) { cursor } } } }`);
    expect(answer.codes).toEqual(["BAD_USER_INPUT"]);
  }
});

test("says in a subscription that the frames are the history", async () => {
  const server = await makeProject(shared, ["work"]);
  const socket = await connectSocket(server.wsUrl, { apiKey: server.agentKey });
  const { events } = await server.ask<{ events: { cursor: string } }>("{ events(first: 1) { cursor } }");
  const query =
    "subscription ($after: String) { taskEvents(after: $after) { events { task { taskId history { cursor } } } } }";
  socket.send({ type: "subscribe", id: "1", payload: { query, variables: { after: events.cursor } } });
  const { payload } = await socket.next();
  expect(payload).toMatchObject({
    data: { taskEvents: { events: [{ task: { taskId: "TASK-001", history: null } }] } },
    errors: [{ extensions: { code: "BAD_USER_INPUT" } }],
  });
});

test("still tells of a deleted task where it shows, and refuses a cursor that the log does not have", async () => {
  const server = await makeProject(shared, ["work"]);
  const { deleteTask } = await server.ask<{ deleteTask: { task: { history: History } } }>(
    `mutation { deleteTask(input: {projectId: "${server.projectId}", taskId: "TASK-001"}) { task { history { cursor events { type } } } } }`,
  );
  expect(deleteTask.task.history.events).toEqual([{ type: "task.created" }, { type: "task.deleted" }]);
  await server.ask(
    `mutation { addTasks(input: {projectId: "${server.projectId}", tasks: [{description: "a"}]}) { tasksAdded } }`,
  );
  const { errors } = await server.gql(
    `{ task(projectId: "${server.projectId}", taskId: "TASK-002") { history(after: "${"A".repeat(22)}") { cursor } } }`,
  );
  expect(errors?.[0]?.extensions["code"]).toBe("CURSOR_EXPIRED");
});
