import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GraphQLAnswer, startTestServer, type TestServer } from "../support/server.ts";
import { openSocket } from "../support/socket.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
  await server.ask(`mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }`);
});
afterAll(() => server.close());

const codes = async (document: string, variables?: object) =>
  (await server.gql(document, variables)).errors?.map(({ extensions }) => extensions["code"]);

describe("input that the database could not take", () => {
  test.each([
    ["alpha", "a\0b", "TASK_NOT_FOUND"],
    [null, "a\0b", "TASK_NOT_FOUND"],
    ["alpha", "\ud83d", "TASK_NOT_FOUND"],
    ["a\0", "TASK-001", "PROJECT_NOT_FOUND"],
  ])("is no task: %j/%j", async (projectId, taskId, code) => {
    const document = "query ($projectId: ID, $taskId: ID!) { task(projectId: $projectId, taskId: $taskId) { taskId } }";
    expect(await codes(document, { projectId, taskId })).toEqual([code]);
  });

  test("is no node", async () => {
    const id = Buffer.from("Task:alpha/a\0b").toString("base64");
    expect(await server.ask("query ($id: ID!) { node(id: $id) { id } }", { id })).toEqual({ node: null });
  });

  /** As text: to write such values, JSON.stringify would need the stack that they exhaust. */
  async function codesOfText(query: string, variable: string) {
    const answer = await fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${server.agentKey}` },
      body: `{"query":${JSON.stringify(query)},"variables":{"given":${variable}}}`,
    });
    return ((await answer.json()) as GraphQLAnswer<unknown>).errors?.map(({ extensions }) => extensions["code"]);
  }

  test.each([11, 300, 3_000, 50_000])("is no filter nested %i levels deep", async (levels) => {
    const filter = `${'{"or":['.repeat(levels)}${"]}".repeat(levels)}`;
    const query = "query ($given: TaskFilter) { tasks(filter: $given) { totalCount } }";
    expect(await codesOfText(query, filter)).toEqual(["BAD_USER_INPUT"]);
  });

  test("is no metadata nested thousands of levels deep, also with an idempotency key", async () => {
    const metadata = `{"deep":${"[".repeat(50_000)}${"]".repeat(50_000)}}`;
    const query = `mutation ($given: JSON) {
      addTasks(input: {projectId: "alpha", idempotencyKey: "k", tasks: [{description: "a", metadata: $given}]}) { tasksAdded } }`;
    expect(await codesOfText(query, metadata)).toEqual(["BAD_USER_INPUT"]);
  });
});

describe("a client id of more than 200 characters", () => {
  const message = "Docket-Client-Id has 201 characters; 200 at most.";
  const headers = { "docket-client-id": "c".repeat(201) };

  test("is refused over HTTP, and one of 200 is taken", async () => {
    const refused = await server.gql("{ viewer { client } }", {}, { client: "c".repeat(201) });
    expect(refused.errors).toMatchObject([{ message, extensions: { code: "BAD_USER_INPUT" } }]);
    const client = "c".repeat(200);
    expect(await server.ask("{ viewer { client } }", {}, { client })).toEqual({ viewer: { client } });
  });

  test("is refused at /mcp", async () => {
    const answer = await fetch(`${server.url}/mcp`, { method: "POST", headers, body: "{}" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: message });
  });

  test("is refused for a WebSocket, by header and by parameter", async () => {
    await expect(openSocket(server.wsUrl, { headers })).rejects.toThrow("Unexpected server response: 400");
    for (const [clientId, reason] of [
      ["c".repeat(201), "clientId has 201 characters; 200 at most."],
      ["\ud83d", "clientId contains characters that cannot be stored (U+0000 or half a surrogate pair)."],
    ]) {
      const socket = await openSocket(server.wsUrl);
      socket.send({ type: "connection_init", payload: { apiKey: server.agentKey, clientId } });
      expect(await socket.closed).toEqual({ code: 4400, reason });
    }
  });
});
