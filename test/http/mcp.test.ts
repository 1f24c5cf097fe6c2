import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asRequester, Requester } from "../../src/db/requester.ts";
import { connectOverHttp } from "../support/mcp-client.ts";
import { connectOwner } from "../support/owner.ts";
import { makeProject, startTestServer, type TestProject, type TestServer } from "../support/server.ts";
import { OWN_LOCK } from "../support/waiting.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());

const add = ({ projectId }: TestProject) => ({ project_id: projectId, tasks: [{ description: "Write the docs" }] });

/** One call of add_task in a request of its own, as clients without a session send it. */
function post(caller: TestProject, headers: Record<string, string> = {}, signal: AbortSignal | null = null) {
  return fetch(`${server.url}/mcp`, {
    method: "POST",
    signal,
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      authorization: `Bearer ${caller.agentKey}`,
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "add_task", arguments: add(caller) },
    }),
  });
}

async function addTask(caller: TestProject, headers?: Record<string, string>): Promise<string[]> {
  const answer = (await (await post(caller, headers)).json()) as {
    result: { structuredContent: { task_ids: string[] } };
  };
  return answer.result.structuredContent.task_ids;
}

const WAITING = `SELECT 1 FROM pg_locks WHERE NOT granted AND ${OWN_LOCK} AND relation = 'tasks'::regclass`;

/** Calls add_task and breaks the connection while the database is still at work on it. */
async function addTaskAndLeave(caller: TestProject): Promise<void> {
  const owner = await connectOwner(server.test);
  await owner.query("BEGIN; LOCK TABLE tasks IN EXCLUSIVE MODE");
  const leaving = new AbortController();
  const left = post(caller, {}, leaving.signal).catch((error: unknown) => error);
  await expect.poll(async () => (await owner.query(WAITING)).rowCount).toBeGreaterThan(0);
  leaving.abort();
  await left;
  const ofCaller = (line: Record<string, unknown>) => line["api_key_prefix"] === caller.agentKey.slice(0, 8);
  await expect
    .poll(() => server.logged.filter((line) => ofCaller(line) && line["status_code"] === 499))
    .toHaveLength(1);
  await owner.query("COMMIT");
}

describe("MCP over HTTP", () => {
  test("offers the tools and acts with the caller's own key", async () => {
    const { secret: key } = await server.makeKey({ name: "caller" });
    const client = await connectOverHttp({ ...server, agentKey: key });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("get_next_task");
    const added = await client.callTool({
      name: "add_task",
      arguments: { project_id: "offered", tasks: [{ description: "Write the docs", generator_name: "docs" }] },
    });
    expect(added.isError).not.toBe(true);
    const taken = await client.callTool({
      name: "get_next_task",
      arguments: { project_id: "offered", worker: "w1" },
    });
    expect(taken.structuredContent).toMatchObject({
      task: { task_id: "TASK-001" },
      attempt: expect.stringMatching(/^1-/),
    });
    await expect
      .poll(() => server.logged.filter((line) => line["operation"] === "get_next_task").at(-1))
      .toMatchObject({ path: "/mcp", api_key_prefix: key.slice(0, 8), status_code: 200 });
  });

  test("asks a caller that stands alone for the attempt, and lets nobody in without", async () => {
    const caller = await makeProject(server, []);
    const client = await connectOverHttp(caller);
    const call = async (name: string, args: object) => {
      const { content, structuredContent, isError } = await client.callTool({ name, arguments: { ...args } });
      return {
        failed: isError === true,
        text: JSON.stringify(content),
        data: structuredContent as { attempt?: string },
      };
    };
    await call("add_task", add(caller));
    const { attempt } = (await call("get_next_task", { project_id: caller.projectId })).data;
    for (const [tool, args] of [
      ["update_task_status", { task_id: "TASK-001", status: "completed" }],
      ["renew_task_lease", { task_id: "TASK-001" }],
      ["update_task_status", { task_id: "TASK-001", status: "in_progress", project_id: caller.projectId }],
      ["update_task_status", { task_id: "TASK-001", status: "completed", attempt: "1" }],
    ] as const) {
      const { failed, text } = await call(tool, args);
      expect([tool, failed]).toEqual([tool, true]);
      expect(text).toMatch(/pass attempt from get_next_task\..*For example: \w+ {.*attempt/);
      expect(text).not.toMatch(/header|Docket-Client-Id/);
    }
    expect((await call("renew_task_lease", { task_id: "TASK-001", attempt })).data.attempt).toBe(attempt);
    expect((await call("update_task_status", { task_id: "TASK-001", status: "completed", attempt })).failed).toBe(
      false,
    );
  });

  test("keeps callers apart who ask at the same moment", async () => {
    await server.ask(`mutation { a: createProject(input: {projectId: "alpha", name: "A"}) { replayed }
      b: createProject(input: {projectId: "beta", name: "B"}) { replayed } }`);
    const keys = await Promise.all(
      ["alpha", "beta"].map((projectId) => server.makeKey({ name: projectId, projectIds: [projectId] })),
    );
    const [alpha, beta] = await Promise.all(
      keys.map(({ secret: agentKey }) => connectOverHttp({ ...server, agentKey })),
    );
    const list = (client: Client | undefined, project_id: string) =>
      client?.callTool({ name: "list_tasks", arguments: { project_id } });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => [list(alpha, "alpha"), list(beta, "alpha")]).flat(),
    );
    expect(answers.map((answer) => answer?.isError === true)).toEqual(
      Array.from({ length: 10 }, () => [false, true]).flat(),
    );
  });

  test("answers 401 with a plain text to a caller without a key, and takes no cookie", async () => {
    const { url } = server;
    const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
    const cookie = { cookie: `docket_session_${new URL(url).port}=ds_x`, origin: url };
    for (const more of [{}, { authorization: "Bearer dk_wrong" }, cookie]) {
      const response = await fetch(`${url}/mcp`, { method: "POST", headers: { ...headers, ...more }, body: "{}" });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({
        jsonrpc: "2.0",
        error: { message: expect.stringMatching(/^Docket API error: 401 - Unauthorized\. /) },
      });
    }
  });

  test("is not for pages of other origins, and keeps no sessions", async () => {
    const { url, agentKey } = server;
    const headers = { authorization: `Bearer ${agentKey}` };
    const foreign = await fetch(`${url}/mcp`, {
      method: "POST",
      headers: { ...headers, origin: "https://evil.example" },
    });
    expect(foreign.status).toBe(403);
    for (const method of ["GET", "DELETE"]) {
      const response = await fetch(`${url}/mcp`, { method, headers });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    }
  });
});

describe("a call over HTTP that is repeated", () => {
  test("gives the first result when its connection was cut before the answer, and only once", async () => {
    const caller = await makeProject(server, []);
    await addTaskAndLeave(caller);
    expect(await addTask(caller)).toEqual(["TASK-001"]);
    expect(await addTask(caller)).toEqual(["TASK-002"]);
  });

  test("is a new call when another session makes it", async () => {
    const caller = await makeProject(server, []);
    await addTaskAndLeave(caller);
    expect(await addTask(caller, { "docket-client-id": "other" })).toEqual(["TASK-002"]);
  });

  test("gives the task that the first one took, when only its answer was too large", async () => {
    const caller = await makeProject(server, ["first", "second"]);
    const owner = await connectOwner(server.test);
    const setNotes = (sql: string) =>
      owner.query(`UPDATE tasks SET context_notes = ${sql} WHERE project_id = $1 AND task_id = 'TASK-001'`, [
        caller.projectId,
      ]);
    const client = await connectOverHttp(caller);
    const claim = () => client.callTool({ name: "get_next_task", arguments: { project_id: caller.projectId } });
    await setNotes("repeat('x', 17000000)");
    expect(await claim()).toMatchObject({
      isError: true,
      content: [
        { text: expect.stringMatching(/changes that it made before are kept.*Repeating the same call is safe/) },
      ],
    });
    await setNotes("NULL");
    expect(await claim()).toMatchObject({
      structuredContent: { task: { task_id: "TASK-001" }, attempt: expect.stringMatching(/^1-/) },
    });
  });

  test("adds twice when both calls were answered", async () => {
    const caller = await makeProject(server, []);
    expect([await addTask(caller), await addTask(caller)]).toEqual([["TASK-001"], ["TASK-002"]]);
  });

  test("gives the first result under the same Idempotency-Key, and a new one under another", async () => {
    const caller = await makeProject(server, []);
    const added = [];
    for (const key of ["k1", "k1", "k2"]) added.push(await addTask(caller, { "idempotency-key": key }));
    expect(added).toEqual([["TASK-001"], ["TASK-001"], ["TASK-002"]]);
  });

  test("keeps the calls of a batch under one Idempotency-Key apart", async () => {
    const caller = await makeProject(server, []);
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      authorization: `Bearer ${caller.agentKey}`,
      "idempotency-key": "k1",
    };
    const params = { name: "add_task", arguments: add(caller) };
    const send = async (ids: readonly number[]) => {
      const body = JSON.stringify(ids.map((id) => ({ jsonrpc: "2.0", id, method: "tools/call", params })));
      const answer = await fetch(`${server.url}/mcp`, { method: "POST", headers, body });
      const answers = (await answer.json()) as { id: number; result: { structuredContent: { task_ids: string[] } } }[];
      return answers.map(({ id, result }) => [id, ...result.structuredContent.task_ids]).sort();
    };
    const first = await send([1, 2]);
    expect(first.map(([, taskId]) => taskId).sort()).toEqual(["TASK-001", "TASK-002"]);
    expect(await send([2, 1])).toEqual(first);
    expect(await addTask(caller)).toEqual(["TASK-003"]);
  });

  test("does not go on once its tool gave it up, while its caller still listens", async () => {
    const caller = await makeProject(server, []);
    const { viewer } = await caller.ask<{ viewer: { actor: string } }>("{ viewer { actor } }");
    // All connections that its key may have, for longer than the tool waits.
    const others = new Requester(viewer.actor, { limited: false });
    const held = await asRequester(others, () =>
      Promise.all(Array.from({ length: 8 }, () => server.database.pool.connect())),
    );
    const answer = (await (await post(caller)).json()) as { result: { isError: boolean; content: { text: string }[] } };
    expect(answer.result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/No response within 5/) }],
    });
    for (const client of held) client.release();
    // What waited would have its turn before this.
    expect(await addTask(caller, { "docket-client-id": "another" })).toEqual(["TASK-001"]);
    expect(await addTask(caller)).toEqual(["TASK-002"]);
  });

  test("is answered although its own batch cancels it", async () => {
    const caller = await makeProject(server, []);
    const headers = { "content-type": "application/json", authorization: `Bearer ${caller.agentKey}` };
    const body = JSON.stringify([
      { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "add_task", arguments: add(caller) } },
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } },
    ]);
    const answer = await fetch(`${server.url}/mcp`, { method: "POST", headers, body });
    expect(await answer.json()).toMatchObject({ id: 7, result: { structuredContent: { task_ids: ["TASK-001"] } } });
  });

  test("is refused in a batch whose ids say not whose answer is whose, before any of it is done", async () => {
    const caller = await makeProject(server, []);
    const headers = { "content-type": "application/json", authorization: `Bearer ${caller.agentKey}` };
    const call = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "add_task", arguments: add(caller) } };
    const body = JSON.stringify([call, { ...call, id: 8 }, call]);
    const answer = await fetch(`${server.url}/mcp`, { method: "POST", headers, body });
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining("Two messages of the batch have the id 7"),
    ]);
    expect(await addTask(caller)).toEqual(["TASK-001"]);
  });
});
