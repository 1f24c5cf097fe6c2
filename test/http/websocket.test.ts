import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../support/database.ts";
import { nextOf, subscribe } from "../support/event-stream.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket, openSocket } from "../support/socket.ts";
import { OWN_LOCK } from "../support/waiting.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());
// The streams of the test before end with it, but not at the same moment.
beforeEach(() => expect.poll(() => server.log.streams).toBe(0));

const events = "subscription { taskEvents { cursor events { type projectId } } }";
const createAlpha = `mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }`;

describe("GraphQL over WebSocket", () => {
  test.each([
    ["no key", {}],
    ["an unknown key", { Authorization: "Bearer dk_unknown" }],
    ["an unknown key as apiKey", { apiKey: "dk_unknown" }],
    ["something that is no text", { Authorization: { dk: 1 } }],
  ])("closes a connection with %s by 4401, which clients do not retry", async (_, params) => {
    const { wsUrl } = server;
    const socket = await openSocket(wsUrl);
    socket.send({ type: "connection_init", payload: params });
    expect(await socket.closed).toMatchObject({ code: 4401, reason: expect.stringMatching(/key/) });
  });

  test("says how to bring a key where a browser cannot set headers", async () => {
    const { wsUrl } = server;
    const socket = await openSocket(wsUrl);
    socket.send({ type: "connection_init" });
    const { reason } = await socket.closed;
    expect(reason).toMatch(/connectionParams .*apiKey.* or the header Authorization: Bearer dk_…$/);
  });

  test.each([
    { type: "next", id: "1", payload: {} },
    { type: "error", id: "1", payload: [{ message: "no" }] },
    { type: "connection_ack" },
    { type: "unknown" },
  ])("closes a connection with 4400 whose client sends what is none of its messages: $type", async (message) => {
    const { wsUrl, agentKey, logged } = server;
    const socket = await connectSocket(wsUrl, { apiKey: agentKey });
    const before = logged.length;
    socket.send(message);
    expect(await socket.closed).toMatchObject({ code: 4400 });
    expect(logged.slice(before).filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  test("closes a connection that subscribes before it said who it is", async () => {
    const { wsUrl } = server;
    const socket = await openSocket(wsUrl);
    socket.send({ type: "subscribe", id: "1", payload: { query: "{ viewer { name } }" } });
    expect(await socket.closed).toMatchObject({ code: 4401 });
  });

  test("answers queries in the name of the key, from the client it names", async () => {
    const { wsUrl, agentKey } = server;
    for (const params of [{ authorization: `Bearer ${agentKey}` }, { apiKey: agentKey }]) {
      const socket = await connectSocket(wsUrl, { ...params, clientId: "session-7" });
      socket.send({ type: "subscribe", id: "1", payload: { query: "{ viewer { name client role } }" } });
      expect(await socket.next()).toEqual({
        id: "1",
        type: "next",
        payload: { data: { viewer: { name: "agent", client: "session-7", role: "AGENT" } } },
      });
      expect(await socket.next()).toEqual({ id: "1", type: "complete" });
    }
  });

  test("delivers what happens, and logs each operation", async () => {
    const { wsUrl, ask, logged } = server;
    const { secret: key } = await server.makeKey({ name: "logged" });
    const socket = await connectSocket(wsUrl, { apiKey: key });
    socket.send({ type: "subscribe", id: "1", payload: { query: events } });
    const next = socket.next();
    await ask(createAlpha);
    expect(await next).toMatchObject({ type: "next" });
    socket.send({ type: "complete", id: "1" });
    await expect
      .poll(() => logged.find((line) => line["method"] === "WS" && line["api_key_prefix"] === key.slice(0, 8)))
      .toMatchObject({ operation: "subscription", status_code: null });
  });

  test("keeps an id for the stream that has it, until its client completes that", async () => {
    const { wsUrl, agentKey, log } = server;
    const socket = await connectSocket(wsUrl, { apiKey: agentKey });
    const follow = (query = events) => socket.send({ type: "subscribe", id: "1", payload: { query } });
    const isOpen = { id: "1", type: "next", payload: { data: { taskEvents: { events: [] } } } };
    // It is completed before it is open.
    follow();
    socket.send({ type: "complete", id: "1" });
    await expect.poll(() => log.streams).toBe(0);
    follow();
    expect(await socket.next()).toMatchObject(isOpen);
    socket.send({ type: "complete", id: "1" });
    // Nothing is said of that: the next message is of the next operation.
    follow("{ viewer { role } }");
    expect(await socket.next()).toMatchObject({ payload: { data: { viewer: { role: "AGENT" } } } });
    expect(await socket.next()).toEqual({ id: "1", type: "complete" });
    follow();
    expect(await socket.next()).toMatchObject(isOpen);
    follow();
    expect(await socket.closed).toMatchObject({ code: 4409 });
  });

  test("takes an id anew that was completed before its stream was open", async () => {
    const { wsUrl, agentKey, log } = server;
    for (let i = 0; i < 5; i++) {
      const socket = await connectSocket(wsUrl, { apiKey: agentKey });
      const messages = [{ type: "subscribe", payload: { query: events } }, { type: "complete" }];
      for (const message of [...messages, ...messages, ...messages.slice(0, 1)]) socket.send({ ...message, id: "1" });
      expect(await socket.next()).toMatchObject({ id: "1", payload: { data: { taskEvents: { events: [] } } } });
      await expect.poll(() => log.streams).toBe(1);
      socket.send({ type: "complete", id: "1" });
      await expect.poll(() => log.streams).toBe(0);
      socket.close();
    }
  });

  test("shares its limit of streams with server-sent events, per key and client id", async () => {
    const { url, wsUrl, agentKey: key } = server;
    const socket = await connectSocket(wsUrl, { apiKey: key, clientId: "s1" });
    for (const id of ["1", "2"]) {
      socket.send({ type: "subscribe", id, payload: { query: events } });
      expect(await socket.next()).toMatchObject({ id, payload: { data: { taskEvents: { events: [] } } } });
    }
    const other = await subscribe(url, events, { key, headers: { "docket-client-id": "s1" } });
    expect(await nextOf(other.events)).toMatchObject({ id: expect.any(String) });
    socket.send({ type: "subscribe", id: "3", payload: { query: events } });
    const refused = { errors: [{ extensions: { code: "RATE_LIMITED", retryable: true } }] };
    expect(await socket.next()).toMatchObject({ id: "3", type: "next", payload: refused });
    expect(await socket.next()).toEqual({ id: "3", type: "complete" });
    const another = await connectSocket(wsUrl, { apiKey: key, clientId: "s2" });
    another.send({ type: "subscribe", id: "1", payload: { query: events } });
    expect(await another.next()).toMatchObject({ payload: { data: { taskEvents: { events: [] } } } });
  });

  test("leaves no stream behind when the caller goes away", async () => {
    const { wsUrl, agentKey, log } = server;
    const socket = await connectSocket(wsUrl, { apiKey: agentKey });
    socket.send({ type: "subscribe", id: "1", payload: { query: events } });
    await expect.poll(() => log.streams).toBe(1);
    socket.close();
    await expect.poll(() => log.streams).toBe(0);
  });

  test("keeps the connection when an operation is wrong, masked and limited as over HTTP", async () => {
    const { wsUrl, agentKey } = server;
    const socket = await connectSocket(wsUrl, { apiKey: agentKey });
    const many = Array.from({ length: 201 }, (_, i) => `a${i}: name`).join(" ");
    const cases = [
      ["{ viewer {", "BAD_USER_INPUT"],
      ["{ secrets }", "BAD_USER_INPUT"],
      ["query A { viewer { name } } query B { viewer { name } }", "BAD_USER_INPUT"],
      ["fragment F on Viewer { name }", "BAD_USER_INPUT"],
      [`{ viewer { ${many} } }`, "QUERY_TOO_COMPLEX"],
      [`{ ${"a { ".repeat(4_000)} b ${"} ".repeat(4_000)} }`, "QUERY_TOO_COMPLEX"],
    ] as const;
    for (const [query, code] of cases) {
      socket.send({ type: "subscribe", id: "1", payload: { query } });
      const answer = await socket.next();
      expect(answer).toMatchObject({ id: "1", type: "error", payload: [{ extensions: { code, retryable: false } }] });
      expect(JSON.stringify(answer)).not.toContain('"http"');
    }
    const two = "query A { viewer { name } } query B { viewer { role } }";
    socket.send({ type: "subscribe", id: "1", payload: { query: two, operationName: "C" } });
    const payload = [{ message: expect.stringContaining("operationName"), extensions: { code: "BAD_USER_INPUT" } }];
    expect(await socket.next()).toMatchObject({ id: "1", type: "error", payload });
    socket.send({ type: "subscribe", id: "1", payload: { query: two, operationName: "B" } });
    expect(await socket.next()).toMatchObject({ payload: { data: { viewer: { role: "AGENT" } } } });
    expect(await socket.next()).toEqual({ id: "1", type: "complete" });
    socket.send({ type: "subscribe", id: "2", payload: { query: '{ project(projectId: "no") { name } }' } });
    expect(await socket.next()).toMatchObject({
      type: "next",
      payload: { data: { project: null }, errors: [{ extensions: { code: "PROJECT_NOT_FOUND" } }] },
    });
  });

  test("closes by 4403 at once when the key is revoked, also where nothing is subscribed", async () => {
    const { keyId, secret } = await server.makeKey({ name: "leaked" });
    const idle = await connectSocket(server.wsUrl, { apiKey: secret });
    const watching = await connectSocket(server.wsUrl, { apiKey: secret });
    watching.send({ type: "subscribe", id: "1", payload: { query: events } });
    watching.send({ type: "subscribe", id: "2", payload: { query: "{ viewer { name } }" } });
    await watching.next();
    await server.ask(
      "mutation ($keyId: ID!) { revokeApiKey(input: {keyId: $keyId}) { replayed } }",
      { keyId },
      { key: server.adminKey },
    );
    expect(await idle.closed).toMatchObject({ code: 4403 });
    expect(await watching.closed).toMatchObject({ code: 4403 });
  });

  test("closes by 4403 when the key expires", async () => {
    const { secret } = await server.makeKey({ name: "short", expiresAt: new Date(Date.now() + 700) });
    const socket = await connectSocket(server.wsUrl, { apiKey: secret });
    expect(await socket.closed).toMatchObject({ code: 4403, reason: expect.stringMatching(/expired/) });
  });

  test("ends streams of a stopped server after their last frame, without complete, and answers what is under way", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const stopping = await startTestServer({ test: database });
    const idle = await connectSocket(stopping.wsUrl, { apiKey: stopping.agentKey });
    const socket = await connectSocket(stopping.wsUrl, { apiKey: stopping.agentKey });
    socket.send({ type: "subscribe", id: "1", payload: { query: events } });
    await socket.next();
    const owner = await connectOwner(database);
    await owner.query("BEGIN; LOCK TABLE projects IN ACCESS EXCLUSIVE MODE");
    socket.send({ type: "subscribe", id: "2", payload: { query: createAlpha } });
    await expect
      .poll(async () => (await owner.query(`SELECT FROM pg_locks WHERE NOT granted AND ${OWN_LOCK}`)).rowCount)
      .toBe(1);
    const stopped = stopping.close();
    expect(await socket.next()).toMatchObject({ id: "1", type: "next" });
    expect(await idle.closed).toMatchObject({ code: 1012 });
    await owner.query("ROLLBACK");
    expect(await socket.next()).toMatchObject({ id: "2", payload: { data: { createProject: { replayed: false } } } });
    expect(await socket.next()).toEqual({ id: "2", type: "complete" });
    expect(await socket.closed).toMatchObject({ code: 1012 });
    await stopped;
  });

  test("gives one key a limited number of sockets, whatever its clients call themselves, and no other key fewer", async () => {
    const { wsUrl, agentKey, makeKey } = await startTestServer({ env: { DOCKET_SOCKETS_PER_KEY: "3" } });
    const { secret } = await makeKey({ name: "other" });
    const connect = (clientId: string) => connectSocket(wsUrl, { apiKey: agentKey, clientId });
    const [first] = await Promise.all([connect("c1"), connect("c2"), connect("c3")]);
    const refused = await openSocket(wsUrl);
    refused.send({ type: "connection_init", payload: { apiKey: agentKey, clientId: "c4" } });
    expect(await refused.closed).toEqual({
      code: 1013,
      reason: "This key has 3 WebSockets open, which is the limit. Close one, or raise DOCKET_SOCKETS_PER_KEY.",
    });
    await connectSocket(wsUrl, { apiKey: secret });
    first?.close();
    await first?.closed;
    await expect
      .poll(() =>
        connect("c4").then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  });

  test("accepts no message beyond one megabyte", async () => {
    const { wsUrl, agentKey } = server;
    const socket = await connectSocket(wsUrl, { apiKey: agentKey });
    socket.send({ type: "ping", payload: { text: "x".repeat(1024 * 1024) } });
    expect(await socket.closed).toMatchObject({ code: 1009 });
  });

  test("refuses an upgrade under a foreign name, at another path, and from a foreign page with a cookie", async () => {
    const { wsUrl } = server;
    const port = new URL(wsUrl).port;
    const cookie = `docket_session_${port}=ds_any`;
    const cases = [
      [wsUrl, { headers: { host: `evil.example:${port}` } }, 403],
      [wsUrl.replace("/graphql", "/other"), {}, 404],
      [wsUrl, { headers: { cookie }, origin: "http://localhost:1" }, 403],
      [wsUrl, { headers: { cookie } }, 403],
    ] as const;
    for (const [url, options, status] of cases)
      await expect(openSocket(url, options)).rejects.toThrow(`Unexpected server response: ${status}`);
  });
});
