import { expect, onTestFinished, test } from "vitest";
import { ManualClock } from "../log/manual-clock.ts";
import { nextOf, readEvents } from "../support/event-stream.ts";
import { startHttpLog } from "../support/http-log.ts";
import { rest } from "../support/rest.ts";
import { makeProject, startTestServer } from "../support/server.ts";

async function follow(url: string, key: string, query = "", headers: Record<string, string> = {}) {
  const caller = new AbortController();
  onTestFinished(() => caller.abort());
  const response = await fetch(`${url}/notifications/stream${query}`, {
    headers: { authorization: `Bearer ${key}`, ...headers },
    signal: caller.signal,
  });
  return { response, events: readEvents(response.body), leave: () => caller.abort() };
}

test("a stream brings each event with its type, its cursor and what the audit has of it, and goes on behind Last-Event-ID", async () => {
  const server = await makeProject(await startTestServer(), []);
  const { url, agentKey: key, projectId } = server;
  const { response, events, leave } = await follow(url, key, `?project=${projectId}`);
  expect([response.status, response.headers.get("content-type"), response.headers.get("cache-control")]).toEqual([
    200,
    "text/event-stream",
    "no-store",
  ]);
  const add = (description: string) => rest(server, "POST /tasks", { body: { project_id: projectId, description } });
  await add("first");
  await rest(server, "PATCH /tasks/TASK-001", { body: { title: "T" } });
  // An ID that is taken is no task's event.
  await rest(server, `GET /ids/next?type=US&project=${projectId}`);
  const [created, updated] = [await nextOf(events), await nextOf(events)];
  expect([created.event, updated.event]).toEqual(["task.created", "task.updated"]);
  const audit = await rest(server, `GET /audit/tasks/TASK-001?project=${projectId}`);
  expect([JSON.parse(created.data), JSON.parse(updated.data)]).toEqual(audit.body["events"]);
  leave();

  await add("second");
  const resumed = await follow(url, key, `?project=${projectId}`, { "last-event-id": created.id ?? "" });
  expect(await nextOf(resumed.events)).toEqual(updated);
  expect(JSON.parse((await nextOf(resumed.events)).data)).toMatchObject({ task_id: "TASK-002" });
  resumed.leave();
  const all = await follow(url, key, "?types=ids.assigned,task.updated", { "last-event-id": created.id ?? "" });
  expect(await nextOf(all.events)).toEqual(updated);
  expect(await nextOf(all.events)).toMatchObject({ event: "ids.assigned" });
});

test("a stream is refused in JSON, with a status that says whether to come back", async () => {
  const server = await makeProject(await startTestServer(), []);
  const { url, agentKey: key } = server;
  const refused = (query: string, headers = {}) => rest(server, `GET /notifications/stream${query}`, { headers });
  expect(await refused("?project=none")).toMatchObject({ status: 404, body: { code: "PROJECT_NOT_FOUND" } });
  expect(await refused("?types=nonsense")).toMatchObject({ status: 400, body: { code: "BAD_USER_INPUT" } });
  expect(await refused("", { "last-event-id": "x" })).toMatchObject({ status: 400, body: { success: false } });
  const expired = await refused("", { "last-event-id": `${"A".repeat(22)}` });
  expect(expired).toMatchObject({ status: 410, body: { code: "CURSOR_EXPIRED" } });

  const [first] = await Promise.all([1, 2, 3].map(() => follow(url, key)));
  const fourth = await refused("");
  expect(fourth).toMatchObject({ status: 429, body: { code: "RATE_LIMITED", retryable: true } });
  expect(fourth.headers.get("retry-after")).toMatch(/^\d+$/);
  // Agents that share a key do not shut each other out.
  const another = await follow(url, key, "", { "docket-client-id": "another" });
  expect(another.response.status).toBe(200);
  first?.leave();
  await expect.poll(async () => (await follow(url, key)).response.status).toBe(200);
});

/** What comes, up to each empty line, whether or not it is an event. */
async function* blocksOf({ body }: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 2);
    }
  }
}

test("a heartbeat comes every 30 seconds, with the place to go on from", async () => {
  const clock = new ManualClock();
  const server = await startHttpLog({ clock });
  const { response } = await follow(server.url, server.key);
  const blocks = blocksOf(response);
  const next = async () => (await blocks.next()).value;
  expect(await next()).toMatch(/^retry: \d+$/);
  await clock.advance(0);
  expect(await next()).toMatch(/^id: \S+$/);
  for (let i = 0; i < 3; i++) {
    await clock.advance(15_000);
    expect(await next()).toMatch(/^id: \S+$/);
    await clock.advance(15_000);
    expect(await next()).toMatch(/^event: heartbeat\nid: \S+\ndata: \{\}$/);
  }
});

test("a stream ends when its server stops, and its client comes back to where it stood", async () => {
  const server = await startTestServer();
  const { events } = await follow(server.url, server.agentKey);
  await server.close();
  const left = [];
  for await (const event of events) left.push(event);
  expect(left.filter(({ event }) => event !== "heartbeat")).toEqual([]);
});
