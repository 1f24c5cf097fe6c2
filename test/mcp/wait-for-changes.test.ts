import { GraphQLError } from "graphql";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startMcpAgent } from "../support/mcp-client.ts";
import { hang, scriptedDocket } from "../support/scripted-docket.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectTools } from "./connect.ts";

const event = {
  eventId: "e1",
  number: 7,
  type: "task.updated",
  projectId: "alpha",
  subjectType: "task",
  subjectId: "TASK-046",
  actor: "dk_1/ci",
  occurredAt: "2025-10-18T10:00:00.000Z",
  payload: { changes: { title: { old: "a", new: "b" } } },
  changes: [{ field: "title", old: "a", new: "b" }],
};
const shown = {
  number: 7,
  type: "task.updated",
  project_id: "alpha",
  subject: "TASK-046",
  actor: "dk_1/ci",
  at: "2025-10-18T10:00:00.000Z",
  changed: ["title"],
};

test("shows what happened without whole payloads, and says to call again with the cursor", async () => {
  await using docket = await scriptedDocket({
    events: () => ({ events: [event, { ...event, changes: [] }], cursor: "c2", caughtUp: true }),
  });
  await using tools = await connectTools(docket);
  const asked = { cursor: "c1", project_id: "alpha", types: ["task.updated"], task_ids: ["TASK-046"] };
  const { data, text } = await tools.call("wait_for_changes", { ...asked, wait_seconds: 30, limit: 5 });
  const { changed: _, ...unchanged } = shown;
  expect(data).toEqual({
    events: [shown, unchanged],
    cursor: "c2",
    caught_up: true,
    next: "Call wait_for_changes again with this cursor.",
  });
  expect(JSON.parse(text)).toEqual(data);
  expect(docket.seen.map(({ variables }) => variables)).toEqual([
    {
      filter: { projects: ["alpha"], types: ["task.updated"], tasks: ["TASK-046"] },
      after: "c1",
      first: 5,
      waitSeconds: 30,
    },
  ]);
});

test("begins now without a cursor, in the client's project, and says when there is more", async () => {
  await using docket = await scriptedDocket({
    logCursor: () => "now",
    events: () => ({ events: [], cursor: "c2", caughtUp: false }),
  });
  await using tools = await connectTools({ url: docket.url, defaultProject: "beta" });
  const { data } = await tools.call("wait_for_changes");
  expect(data).toMatchObject({ events: [], cursor: "c2", next: expect.stringContaining("at once") });
  expect(docket.seen.map(({ variables }) => variables)).toEqual([
    {},
    { filter: { projects: ["beta"] }, after: "now", first: 50, waitSeconds: 20 },
  ]);

  await tools.call("wait_for_changes", { cursor: "c2", all_projects: true });
  expect(docket.seen.at(-1)?.variables).toMatchObject({ filter: {}, after: "c2" });
});

test("gives the server the time it asks for on top of the usual limit", async () => {
  await using docket = await scriptedDocket({}, [hang]);
  await using tools = await connectTools({ url: docket.url, timeoutMs: 50 });
  const { text } = await tools.call("wait_for_changes", { cursor: "c1", wait_seconds: 1 });
  expect(text).toMatch(/^Docket timeout: No response within 1\.05 seconds\. Repeating the same call is safe/);
});

test("says how to start again when the log no longer has the place", async () => {
  const events = () => {
    throw new GraphQLError("This cursor is not in the log.", { extensions: { code: "CURSOR_EXPIRED" } });
  };
  await using docket = await scriptedDocket({ events });
  await using tools = await connectTools(docket);
  const { failed, text } = await tools.call("wait_for_changes", { cursor: "old" });
  expect(failed).toBe(true);
  expect(text).toMatch(/^This cursor is not in the log\. .*without cursor and with wait_seconds 0, then list_tasks/);
});

test.each([
  [{ wait_seconds: 31 }, /wait_seconds must be a whole number from 0 to 30, not 31/],
  [{ limit: 0 }, /limit must be a whole number from 1 to 100, not 0/],
  [{ project_id: "alpha", all_projects: true }, /not both/],
  [{ after: "c1" }, /unknown argument after\. It takes cursor, project_id/],
])("refuses %o before anything is sent", async (args, expected) => {
  await using docket = await scriptedDocket();
  await using tools = await connectTools(docket);
  const { failed, text } = await tools.call("wait_for_changes", args);
  expect([failed, docket.seen]).toEqual([true, []]);
  expect(text).toMatch(expected);
});

interface News {
  events: { type: string; subject: string; project_id: string }[];
  cursor: string;
}

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
