import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const WAIT = `query ($after: String, $waitSeconds: Int) {
  events(after: $after, waitSeconds: $waitSeconds) { cursor caughtUp events { type } }
}`;
type Waited = { events: { cursor: string; caughtUp: boolean; events: { type: string }[] } };

const addTask = ({ ask }: TestServer) =>
  ask(
    'mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "w"}]}) { replayed } }',
  );

test("a plain query waits for what comes, and ends empty when its time is over", async () => {
  const server = await startTestServer();
  await addTask(server);
  const { logCursor: after } = await server.ask<{ logCursor: string }>("{ logCursor }");
  const waiting = server.ask<Waited>(WAIT, { after, waitSeconds: 30 });
  await eventually(() => expect(server.log.waiting).toBe(1));
  await addTask(server);
  const { events: came } = await waiting;
  expect(came).toMatchObject({ caughtUp: true, events: [{ type: "task.created" }] });
  const { events: over } = await server.ask<Waited>(WAIT, { after: came.cursor, waitSeconds: 1 });
  expect(over).toEqual({ events: [], cursor: came.cursor, caughtUp: true });
});

test("frees the wait of a caller that went away", async () => {
  const server = await startTestServer();
  const caller = new AbortController();
  const left = fetch(`${server.url}/graphql`, {
    method: "POST",
    signal: caller.signal,
    headers: { "content-type": "application/json", authorization: `Bearer ${server.agentKey}` },
    body: JSON.stringify({ query: WAIT, variables: { waitSeconds: 30 } }),
  }).catch((error: unknown) => error);
  await eventually(() => expect(server.log.waiting).toBe(1));
  caller.abort();
  await left;
  await eventually(() => expect(server.log.waiting).toBe(0));
});

test("refuses a wait whose key is revoked while it waits", async () => {
  const server = await startTestServer();
  const key = await server.makeKey({ name: "short" });
  const waiting = server.gql(WAIT, { waitSeconds: 30 }, { key: key.secret });
  const other = server.gql<Waited>(WAIT, { waitSeconds: 30 });
  await eventually(() => expect(server.log.waiting).toBe(2));
  await server.ask(
    "mutation ($keyId: ID!) { revokeApiKey(input: {keyId: $keyId}) { replayed } }",
    { keyId: key.keyId },
    { key: server.adminKey },
  );
  expect((await waiting).errors?.[0]?.extensions["code"]).toBe("UNAUTHENTICATED");
  expect(server.log.waiting).toBe(1);
  await addTask(server);
  expect((await other).data.events.events).not.toEqual([]);
});

test("answers those who wait when the server stops, each with a place to go on from", async () => {
  const server = await startTestServer();
  const waiting = server.ask<Waited>(WAIT, { waitSeconds: 30 });
  await eventually(() => expect(server.log.waiting).toBe(1));
  const closed = server.close();
  expect((await waiting).events).toMatchObject({ events: [], cursor: expect.stringMatching(/^[\w-]{22}$/) });
  await closed;
});
