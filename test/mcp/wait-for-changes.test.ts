import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startMcpAgent } from "../support/mcp-client.ts";
import { hang, scriptedDocket } from "../support/scripted-docket.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectTools } from "./connect.ts";

interface News {
  events: { number: number; type: string; subject: string; project_id: string; changed?: string[] }[];
  cursor: string;
  caught_up: boolean;
  next: string;
}

let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());

/** A client of a new project with one task, and the place in the log before them. */
async function start() {
  const defaultProject = `project-${++projects}`;
  const tools = await connectTools({ ...server, defaultProject });
  const wait = async (args: Record<string, unknown>) => {
    const { failed, text, data } = await tools.call("wait_for_changes", args);
    expect([failed, JSON.parse(text)]).toEqual([false, JSON.parse(JSON.stringify(data))]);
    return data as unknown as News;
  };
  const { cursor } = await wait({ all_projects: true, wait_seconds: 0 });
  await tools.call("add_task", { tasks: [{ description: "Write" }] });
  const dispose = () => tools[Symbol.asyncDispose]();
  return { tools, wait, cursor, project: defaultProject, [Symbol.asyncDispose]: dispose };
}

test("shows what happened without whole payloads, and says to call again with the cursor", async () => {
  await using started = await start();
  const { wait, cursor, project } = started;
  await server.ask(
    'mutation ($project: ID!) { updateTask(input: {projectId: $project, taskId: "TASK-001", title: "b"}) { replayed } }',
    { project },
  );
  const seen = await wait({ cursor, types: ["task.created", "task.updated"], task_ids: ["TASK-001"] });
  const event = { project_id: project, subject: "TASK-001", actor: expect.any(String), at: expect.any(String) };
  expect(seen).toEqual({
    events: [
      { number: 2, type: "task.created", ...event },
      { number: 3, type: "task.updated", ...event, changed: ["title"] },
    ],
    cursor: expect.any(String),
    caught_up: true,
    next: "Call wait_for_changes again with this cursor.",
  });
  expect((await wait({ cursor: seen.cursor, wait_seconds: 0 })).events).toEqual([]);
});

test("begins now without a cursor, in the client's project, and says when there is more", async () => {
  await using started = await start();
  const { tools, wait, cursor, project } = started;
  await using other = await start();
  const now = await wait({ wait_seconds: 0 });
  expect(now.events).toEqual([]);
  await tools.call("add_task", { tasks: [{ description: "More" }] });
  expect((await wait({ cursor: now.cursor })).events).toMatchObject([{ type: "task.created", subject: "TASK-002" }]);

  const first = await wait({ cursor, limit: 1 });
  expect(first).toMatchObject({ caught_up: false, next: expect.stringContaining("at once") });
  const all = await wait({ cursor, all_projects: true });
  expect(new Set(all.events.map(({ project_id }) => project_id))).toEqual(new Set([project, other.project]));
  await using third = await start();
  const some = await wait({ cursor, project_ids: [project, third.project] });
  expect(new Set(some.events.map(({ project_id }) => project_id))).toEqual(new Set([project, third.project]));
});

test("gives the server the time it asks for on top of the usual limit", async () => {
  await using docket = await scriptedDocket({}, [hang]);
  await using tools = await connectTools({ url: docket.url, timeoutMs: 50 });
  const { text } = await tools.call("wait_for_changes", { cursor: "c1", wait_seconds: 1 });
  expect(text).toMatch(/^Docket timeout: No response within 1\.05 seconds\. Repeating the same call is safe/);
});

test.each([
  [{ wait_seconds: 31 }, /wait_seconds must be a whole number from 0 to 30, not 31/],
  [{ limit: 0 }, /limit must be a whole number from 1 to 100, not 0/],
  [{ project_id: "alpha", all_projects: true }, /not both/],
  [{ project_ids: ["alpha"], all_projects: true }, /Pass project_ids or all_projects, not both/],
  [{ project_ids: [] }, /project_ids names no project/],
  [{ after: "c1" }, /unknown argument after\. wait_for_changes takes cursor, project_id/],
])("refuses %o", async (args, expected) => {
  await using tools = await connectTools(server);
  const { failed, text } = await tools.call("wait_for_changes", args);
  expect(failed).toBe(true);
  expect(text).toMatch(expected);
});

test("hears over stdio what others do, while the same session goes on working", async () => {
  const { url, agentKey, ask, log } = await startTestServer();
  await ask('mutation { createProject(input: {projectId: "alpha", name: "A"}) { replayed } }');
  const agent = await startMcpAgent({ url, key: agentKey, project: "alpha" });
  const start = (await agent.call("wait_for_changes", { wait_seconds: 0 })).data as unknown as News;
  const waiting = agent.call("wait_for_changes", { cursor: start.cursor, wait_seconds: 30, types: ["task.claimed"] });
  await eventually(() => expect(log.waiting).toBe(1));
  expect((await agent.call("add_task", { tasks: [{ description: "Write" }] })).data).toMatchObject({ tasks_added: 1 });
  expect(log.waiting).toBe(1);
  await ask('mutation { claimNextTask(input: {projectId: "alpha"}) { attempt } }');
  const { events, cursor } = (await waiting).data as unknown as News;
  expect(events).toMatchObject([{ type: "task.claimed", subject: "TASK-001", project_id: "alpha" }]);
  const missed = await agent.call("wait_for_changes", { cursor: start.cursor });
  expect((missed.data as unknown as News).events.map(({ type }) => type)).toEqual(["task.created", "task.claimed"]);
  const refused = await agent.call("wait_for_changes", { cursor, types: ["task.done"] });
  expect(refused.text).toMatch(/^There is no event type "task\.done"\. There are: .*task\.completed/);
});

/** One call over /mcp, in a request of its own. */
function post({ url, agentKey }: TestServer, args: object, signal: AbortSignal | null = null) {
  return fetch(`${url}/mcp`, {
    method: "POST",
    signal,
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      authorization: `Bearer ${agentKey}`,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "wait_for_changes", arguments: args },
    }),
  });
}

test("waits over /mcp, and no longer than its caller does", async () => {
  const server = await startTestServer();
  const waiting = post(server, { wait_seconds: 30 });
  await eventually(() => expect(server.log.waiting).toBe(1));
  await server.ask('mutation { createProject(input: {projectId: "alpha", name: "A"}) { replayed } }');
  const { result } = (await (await waiting).json()) as { result: { structuredContent: News } };
  expect(result.structuredContent.events).toMatchObject([{ type: "project.created", project_id: "alpha" }]);

  const caller = new AbortController();
  const left = post(server, { wait_seconds: 30 }, caller.signal).catch((error: unknown) => error);
  await eventually(() => expect(server.log.waiting).toBe(1));
  caller.abort();
  await left;
  await eventually(() => expect(server.log.waiting).toBe(0));
});
