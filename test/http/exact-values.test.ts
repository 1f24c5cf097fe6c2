import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectOverHttp, startMcpAgent } from "../support/mcp-client.ts";
import { type GraphQLAnswer, startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
  await server.ask(`mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }`);
});
afterAll(() => server.close());

const ADD =
  'mutation ($metadata: JSON) { addTasks(input: {projectId: "alpha", tasks: [{description: "a", metadata: $metadata}]}) { tasks { metadata } } }';

/** What came of a value that was sent as the metadata of a task: an error's text, or how it was read again. */
type Send = (json: string) => Promise<string>;

const outcome = ({ data, errors }: GraphQLAnswer<unknown>) => errors?.[0]?.message ?? JSON.stringify(data);

/** Text, as JSON.stringify would change the very values that are sent here. */
async function post(contentType: string, body: string): Promise<string> {
  const headers = { "content-type": contentType, authorization: `Bearer ${server.agentKey}` };
  const answer = await fetch(`${server.url}/graphql`, { method: "POST", headers, body });
  return outcome((await answer.json()) as GraphQLAnswer<unknown>);
}

const CLAIM = `mutation {
  addTasks(input: {projectId: "alpha", tasks: [{description: "a"}]}) { replayed }
  claimNextTask(input: {projectId: "alpha"}) { attempt task { taskId } }
}`;
interface Claimed {
  claimNextTask: { attempt: string; task: { taskId: string } };
}

/** Stores the value as the checkpoint of a task that was claimed for it. */
async function callTool(client: Client, checkpoint: unknown): Promise<string> {
  const { attempt, task } = (await server.ask<Claimed>(CLAIM)).claimNextTask;
  const call = { project_id: "alpha", task_id: task.taskId, attempt, checkpoint };
  const result = await client.callTool({ name: "renew_task_lease", arguments: call });
  if (result.isError) return (result.content as { text: string }[])[0]?.text ?? "";
  const read = 'query ($taskId: ID!) { task(projectId: "alpha", taskId: $taskId) { attempts { checkpoint } } }';
  return JSON.stringify(await server.ask(read, task));
}

/** Keeps numbers as they are written; the libraries of the clients write them so. */
const asWritten = (json: string): unknown =>
  JSON.parse(json, (_, value, { source }: { source?: string } = {}) =>
    typeof value === "number" && source !== undefined ? JSON.rawJSON(source) : value,
  );

const WAYS: Record<string, Send> = {
  "a variable over HTTP": (json) =>
    post("application/json", `{"query": ${JSON.stringify(ADD)}, "variables": {"metadata": ${json}}}`),
  "a variable of a form": (json) =>
    post(
      "application/x-www-form-urlencoded",
      String(new URLSearchParams({ query: ADD, variables: `{"metadata": ${json}}` })),
    ),
  "a variable over WebSocket": async (json) => {
    const socket = await connectSocket(server.wsUrl, { apiKey: server.agentKey });
    const variables = { metadata: asWritten(json) };
    socket.send({ type: "subscribe", id: "1", payload: { query: ADD, variables } });
    const { payload } = await socket.next();
    return outcome(payload as GraphQLAnswer<unknown>);
  },
  "a literal": (json) => {
    const literal = json.replaceAll(/"(\w+)":/g, "$1:");
    return post(
      "application/json",
      JSON.stringify({ query: ADD.replace("$metadata}", `${literal}}`).replace("($metadata: JSON)", "") }),
    );
  },
  "an argument of a tool over HTTP": async (json) => callTool(await connectOverHttp(server), asWritten(json)),
  "an argument of a tool as JSON text": async (json) => callTool(await connectOverHttp(server), json),
};

describe.each(Object.entries(WAYS))("%s", (_way, send) => {
  test.each([
    "12345678901234567890",
    "-9007199254740993",
    "0.12345678901234567890",
    "1e400",
    "1e-400",
    "1e99999999999999999999",
  ])("is refused with the number %s, and with what to do", async (number) => {
    expect(await send(`{"deep": [{"n": ${number}}]}`)).toContain(
      `the number ${number}, which is beyond double precision: send it as text.`,
    );
  });

  test("keeps every number that a double holds", async () => {
    const written =
      '{"n": [9007199254740992, -0.1, 1.50, 1e21, 1.7976931348623157e308, 5e-324, 0.000, 120E-1, 100000000000000000000]}';
    expect(await send(written)).toContain(JSON.stringify(JSON.parse(written)));
  });

  test("is refused with a member __proto__, and keeps one that is called nearly so", async () => {
    expect(await send('{"deep": [{"__proto__": {"a": 1}}]}')).toContain(
      "a member named __proto__, which would not be kept: give it another name.",
    );
    expect(await send('{"_proto_": 1, "constructor": 2}')).toContain('{"_proto_":1,"constructor":2}');
  });
});

test("a tool over stdio says the same, and goes on", async () => {
  const agent = await startMcpAgent({ url: server.url, key: server.agentKey, project: "alpha" });
  const { data } = await agent.call("add_task", { tasks: [{ description: "one\u2028two" }] });
  const [task_id] = data["task_ids"] as string[];
  const { claimNextTask } = await server.ask<Claimed>(CLAIM);
  const renew = (checkpoint: string) =>
    agent.call("renew_task_lease", {
      task_id: claimNextTask.task.taskId,
      attempt: claimNextTask.attempt,
      checkpoint: asWritten(checkpoint),
    });
  expect(await renew('{"n": 12345678901234567890}')).toMatchObject({
    failed: true,
    text: expect.stringContaining(
      "the number 12345678901234567890, which is beyond double precision: send it as text.",
    ),
  });
  expect(await renew('{"__proto__": 1}')).toMatchObject({ failed: true, text: expect.stringContaining("__proto__") });
  expect(await renew('{"n": 1.5}')).toMatchObject({ failed: false });
  const text = 'query ($task_id: ID!) { task(projectId: "alpha", taskId: $task_id) { description } }';
  expect(await server.ask(text, { task_id })).toEqual({ task: { description: "one\u2028two" } });
});

test("a query in the address is refused with such a number, also where another type is wanted", async () => {
  const read = async (first: string) => {
    const query = "query ($first: Int) { projects(first: $first) { nodes { projectId } } }";
    const address = new URLSearchParams({ query, variables: `{"first": ${first}}` });
    const headers = { authorization: `Bearer ${server.agentKey}` };
    return outcome(await (await fetch(`${server.url}/graphql?${address}`, { headers })).json());
  };
  expect(await read("12345678901234567890")).toMatch(/^The variables contain the number 12345678901234567890, which/);
  expect(await read("1.0")).toContain("alpha");
});

test("numbers and lists that are very long, or nested deep, hold nobody up", async () => {
  const send = WAYS["a variable over HTTP"] as Send;
  const before = process.threadCpuUsage();
  expect(await send(`{"n": 1${"0".repeat(900_000)}1}`)).toContain("beyond double precision");
  expect(await send(`{"n": [${"1,".repeat(400_000)}12345678901234567890]}`)).toContain("beyond double precision");
  expect(await send(`{"n": ${"[".repeat(50_000)}12345678901234567890${"]".repeat(50_000)}}`)).toMatch(/nested|JSON/);
  const form = WAYS["a variable of a form"] as Send;
  expect(await form(`{"n": ${"[".repeat(50_000)}12345678901234567890${"]".repeat(50_000)}}`)).toMatch(/nested|JSON/);
  // Of this thread, in which the server runs, too: it does not grow with what else the machine does.
  const { user, system } = process.threadCpuUsage(before);
  expect(user + system).toBeLessThan(5_000_000);
});

test("says of what is nested too deep to be read that it is, also where a number is looked at", async () => {
  for (const value of ["1", "1e5"])
    expect(await post("application/json", sendDeep(3_000, value))).toMatch(/nested (more than 100 levels|too) deep/);
});

const sendDeep = (levels: number, value: string) =>
  `{"query": ${JSON.stringify(ADD)}, "variables": {"metadata": {"a": ${"[".repeat(levels)}${value}${"]".repeat(levels)}}}}`;
