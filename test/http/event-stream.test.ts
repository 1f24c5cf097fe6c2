import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { nextOf, subscribe } from "../support/event-stream.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { happen, numbersOf, upTo } from "./numbered-events.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());
// The streams of the test before end with it, but not at the same moment.
beforeEach(() => expect.poll(() => server.log.streams).toBe(0));

describe("a subscription over server-sent events", () => {
  test.each([
    ["taskEvents", "subscription { taskEvents { mark: cursor events { type } } }"],
    ["projectStatus", "subscription { projectStatus { mark: cursor projects { name } } }"],
  ])(
    "sends %s with the cursor as id, whatever the client calls it, and ends without complete",
    async (field, query) => {
      const stopping = await startTestServer();
      const { response, events } = await subscribe(stopping.url, query, { key: stopping.agentKey });
      expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
      const first = await nextOf(events);
      await happen(stopping, 1);
      const second = await nextOf(events);
      for (const { event, id, data } of [first, second])
        expect({ event, id }).toEqual({ event: "next", id: JSON.parse(data).data[field].mark });
      expect(second.id).not.toBe(first.id);
      void stopping.close();
      expect((await nextOf(events)).event).toBe("next");
      expect(await events.next()).toMatchObject({ done: true });
    },
  );

  test("loses nothing that happens while it waits behind an answer on the same connection", async () => {
    for (const project of ["ahead", "behind"]) await happen(server, 1, project);
    const { logCursor } = await server.ask<{ logCursor: string }>("{ logCursor }");
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    let received = "";
    socket.on("data", (bytes) => {
      received += bytes;
    });
    const post = (query: string, accept: string) => {
      const body = JSON.stringify({ query });
      socket.write(
        `POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.agentKey}\r\nAccept: ${accept}\r\n` +
          `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    };
    post(
      `{ events(after: "${logCursor}", waitSeconds: 30, filter: {projects: ["ahead"]}) { caughtUp } }`,
      "application/json",
    );
    post(numbersOf("behind"), "text/event-stream");
    await expect.poll(() => server.log.streams).toBe(1);
    await happen(server, 2, "behind");
    await happen(server, 2, "ahead");
    await expect
      .poll(() => received)
      .toMatch(/"events":\{"caughtUp":true\}.*event: next\n.*"events":\[\{"number":2\}\]/s);
  });

  test("is the last on its connection: it says so, nothing that is sent behind it is done, and it ends the connection", async () => {
    const stopping = await startTestServer();
    const socket = connect(Number(new URL(stopping.url).port), "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    let received = "";
    socket.on("data", (bytes) => {
      received += bytes;
    });
    const closed = once(socket, "close");
    const ask = (query: string, accept: string) => {
      const body = JSON.stringify({ query });
      socket.write(
        `POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${stopping.adminKey}\r\nAccept: ${accept}\r\n` +
          `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    };
    const create = (id: string) =>
      `mutation { createProject(input: {projectId: "${id}", name: "${id}"}) { replayed } }`;
    ask(create("ahead"), "application/json");
    await expect.poll(() => received).toContain('{"createProject":{"replayed":false}}');
    expect(received).not.toMatch(/^connection: close/im);
    ask("subscription { taskEvents { events { projectId } } }", "text/event-stream");
    await expect.poll(() => received).toContain("event: next");
    expect(received).toMatch(/^connection: close/im);
    ask(create("behind"), "application/json");
    await stopping.ask(create("after"));
    await expect.poll(() => received).toContain('{"projectId":"after"}');
    void stopping.close();
    await closed;
    expect(received).toMatch(/\r\n0\r\n\r\n$/);
    expect(received).not.toContain("behind");
  });

  test("ends when its client ends its own side of the connection", async () => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    const query = encodeURIComponent("subscription { taskEvents { cursor } }");
    socket.write(
      `GET /graphql?query=${query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.agentKey}\r\n` +
        "Accept: text/event-stream\r\n\r\n",
    );
    await once(socket, "data");
    await expect.poll(() => server.log.streams).toBe(1);
    const closed = once(socket.resume(), "close");
    socket.end();
    await closed;
    await expect.poll(() => server.log.streams).toBe(0);
  });

  test("begins with the time after which a client that lost it comes back", async () => {
    const headers = { authorization: `Bearer ${server.agentKey}`, accept: "text/event-stream" };
    const url = `${server.url}/graphql?query=${encodeURIComponent(numbersOf("retry"))}`;
    const response = await fetch(url, { headers });
    // The project is not there: the stream of the refusal below would begin with it as well.
    expect(response.status).toBe(404);
    await happen(server, 1, "retry");
    const caller = new AbortController();
    const { body } = await fetch(url, { headers, signal: caller.signal });
    const { value } = (await body?.getReader().read()) ?? {};
    expect(Buffer.from(value ?? []).toString()).toMatch(/^retry: 1\d{3}\n\n/);
    caller.abort();
  });

  test.each(["GET", "POST"] as const)(
    "goes on after Last-Event-ID rather than after its argument (%s)",
    async (method) => {
      const { key, url } = { key: server.agentKey, url: server.url };
      const project = `resumed-by-${method.toLowerCase()}`;
      await happen(server, 1, project);
      const cursors: string[] = [];
      for (const n of [2, 3, 4]) {
        const { logCursor } = await server.ask<{ logCursor: string }>("{ logCursor }");
        cursors.push(logCursor);
        await happen(server, n, project);
      }
      const query = `subscription { taskEvents(after: "${cursors[0]}", filter: {projects: ["${project}"]}) { events { number } } }`;
      const plain = await subscribe(url, query, { key, method });
      expect((await upTo(4, plain.events)).numbers).toEqual([2, 3, 4]);
      const resumed = await subscribe(url, query, { key, method, headers: { "last-event-id": cursors[2] ?? "" } });
      expect((await upTo(4, resumed.events)).numbers).toEqual([4]);
    },
  );

  test("ends without an id at a frame that failed, so that it comes again", async () => {
    const broken = await startTestServer();
    await happen(broken, 1);
    const query = "subscription { projectStatus { projects { name } } }";
    const { events } = await subscribe(broken.url, query, { key: broken.agentKey });
    expect((await nextOf(events)).id).toEqual(expect.any(String));
    const owner = await connectOwner(broken.test);
    await owner.query("ALTER TABLE projects RENAME COLUMN name TO gone");
    await happen(broken, 2).catch(() => undefined);
    let failed = await nextOf(events);
    // A frame of the first event may still come before.
    while (failed.id !== undefined) failed = await nextOf(events);
    expect(failed.event).toBe("next");
    expect(JSON.parse(failed.data)).toMatchObject({
      data: { projectStatus: null },
      errors: [{ extensions: { code: "INTERNAL" } }],
    });
    expect((await nextOf(events)).event).toBe("complete");
    await expect.poll(() => broken.log.streams).toBe(0);
  });

  test.each(["is revoked", "expires"])("ends when its key %s", async (how) => {
    const expiresAt = how === "expires" ? new Date(Date.now() + 2_500) : null;
    const { keyId, secret: key } = await server.makeKey({ name: "leaked", expiresAt });
    const { events } = await subscribe(server.url, "subscription { taskEvents { cursor } }", { key });
    expect((await nextOf(events)).event).toBe("next");
    const revoke = "mutation ($keyId: ID!) { revokeApiKey(input: {keyId: $keyId}) { replayed } }";
    if (how === "is revoked") await server.ask(revoke, { keyId }, { key: server.adminKey });
    expect(await events.next()).toMatchObject({ done: true });
    expect(server.log.streams).toBe(0);
  });

  test("ends when its key has been replaced and its overlap is over, and not before", async () => {
    const { keyId, secret: key } = await server.makeKey({ name: "rotated" });
    const { events } = await subscribe(server.url, "subscription { taskEvents { cursor } }", { key });
    expect((await nextOf(events)).event).toBe("next");
    const { rotateApiKey } = await server.ask<{ rotateApiKey: { former: { expiresAt: string } } }>(
      "mutation ($keyId: ID!) { rotateApiKey(input: {keyId: $keyId, overlapSeconds: 1}) { former { expiresAt } } }",
      { keyId },
      { key: server.adminKey },
    );
    expect(await events.next()).toMatchObject({ done: true });
    expect(Date.now()).toBeGreaterThan(Date.parse(rotateApiKey.former.expiresAt) - 100);
    expect(server.log.streams).toBe(0);
  });

  test("leaves no stream behind, however early the caller goes away", async () => {
    const headers = { authorization: `Bearer ${server.agentKey}`, accept: "text/event-stream" };
    const url = `${server.url}/graphql?query=${encodeURIComponent("subscription { taskEvents { cursor } }")}`;
    for (let ms = 0; ms < 20; ms++)
      await fetch(url, { headers, signal: AbortSignal.timeout(ms) })
        .then(({ body }) => body?.cancel())
        .catch(() => undefined);
    const query = "subscription { taskEvents { cursor } }";
    // What was under way when its caller left still comes to its end.
    const openThree = async () => {
      const streams = await Promise.all([1, 2, 3].map(() => subscribe(server.url, query, { key: server.agentKey })));
      const ids = await Promise.all(streams.map(async ({ events }) => (await nextOf(events)).id !== undefined));
      for (const { leave } of streams) leave();
      return ids;
    };
    await expect.poll(openThree).toEqual([true, true, true]);
    await expect.poll(() => server.log.streams).toBe(0);
  });
});
