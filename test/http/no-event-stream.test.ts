import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../support/database.ts";
import { startDatabaseProxy } from "../support/database-proxy.ts";
import { nextOf, subscribe } from "../support/event-stream.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { NUMBERS } from "./numbered-events.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());
// The streams of the test before end with it, but not at the same moment.
beforeEach(() => expect.poll(() => server.log.streams).toBe(0));

describe("what brings no stream", () => {
  const cases = [
    ["a cursor that is none", 'subscription { taskEvents(after: "x") { cursor } }', 400, "BAD_USER_INPUT"],
    [
      "a cursor that is too old",
      `subscription { taskEvents(after: "${"A".repeat(22)}") { cursor } }`,
      410,
      "CURSOR_EXPIRED",
    ],
    ["an unknown project", NUMBERS, 404, "PROJECT_NOT_FOUND"],
    ["a mistake in the document", "subscription { nothing }", 400, "BAD_USER_INPUT"],
    ["half a document", "subscription { taskEvents {", 400, "BAD_USER_INPUT"],
    ["too large a document", `{ ${"a { ".repeat(25)} b ${"} ".repeat(25)} }`, 400, "QUERY_TOO_COMPLEX"],
  ] as const;

  test.each(cases)("makes an EventSource give up by its status: %s", async (_, query, status, code) => {
    const { response } = await subscribe(server.url, query, { key: server.agentKey });
    expect([response.status, response.headers.get("content-type")]).toEqual([status, "application/json"]);
    const { errors } = await response.json();
    expect(errors).toMatchObject([{ message: expect.any(String), extensions: { code, retryable: false } }]);
    expect(errors[0].extensions).not.toHaveProperty("http");
  });

  test.each(cases)("is a status, too, to who accepts anything, as curl does: %s", async (_, query, status, code) => {
    const headers = { accept: "*/*" };
    const { response } = await subscribe(server.url, query, { key: server.agentKey, headers });
    expect([response.status, response.headers.get("content-type")]).toEqual([status, "application/json"]);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code, retryable: false } }] });
  });

  test.each(["application/json", "application/graphql-response+json", "text/html", "multipart/mixed", "image/png"])(
    "is 406 to who accepts only %s, and takes no stream's place",
    async (accept) => {
      const query = "subscription { taskEvents { cursor } }";
      const key = server.agentKey;
      for (let tries = 0; tries < 4; tries++) {
        const { response } = await subscribe(server.url, query, { key, method: "POST", headers: { accept } });
        expect([response.status, response.headers.get("content-type")]).toEqual([406, "application/json"]);
        const fault = { code: "BAD_USER_INPUT", retryable: false };
        const message = expect.stringContaining("Accept: text/event-stream");
        expect(await response.json()).toEqual({ errors: [{ message, extensions: fault }] });
        expect(server.log.streams).toBe(0);
      }
      const { events } = await subscribe(server.url, query, { key });
      expect((await nextOf(events)).id).toEqual(expect.any(String));
    },
  );

  test.each(cases)("is told in the stream to clients of graphql-sse: %s", async (_, query, _status, code) => {
    const { response, events } = await subscribe(server.url, query, { key: server.agentKey, method: "POST" });
    expect(response.status).toBe(200);
    const { data, id } = await nextOf(events);
    expect([id, JSON.parse(data)]).toMatchObject([undefined, { errors: [{ extensions: { code } }] }]);
    expect((await nextOf(events)).event).toBe("complete");
  });

  test("makes a client that resumes give up, too, when it posts", async () => {
    const { url, agentKey } = server;
    const headers = { "last-event-id": "A".repeat(22) };
    const query = "subscription { taskEvents { cursor } }";
    const { response } = await subscribe(url, query, { key: agentKey, method: "POST", headers });
    expect(response.status).toBe(410);
  });

  test("does not make an EventSource give up while the database is away", async () => {
    const test = await createTestDatabase();
    onTestFinished(() => test.drop());
    const database = await startDatabaseProxy(test.url);
    const behind = await startTestServer({ test: { ...test, url: database.url } });
    database.cut();
    const { response, events } = await subscribe(behind.url, "subscription { taskEvents { cursor } }", {
      key: behind.agentKey,
    });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    const { id, data } = await nextOf(events);
    const extensions = { code: "DATABASE_UNAVAILABLE", retryable: true };
    expect([id, JSON.parse(data)]).toMatchObject([undefined, { errors: [{ extensions }] }]);
    database.restore();
    await behind.close();
  });

  test("never runs a mutation by GET", async () => {
    const query = 'mutation { createProject(input: {projectId: "by-get", name: "A"}) { replayed } }';
    const { response } = await subscribe(server.url, query, { key: server.agentKey });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    const { errors } = await server.gql('{ project(projectId: "by-get") { name } }');
    expect(errors).toMatchObject([{ extensions: { code: "PROJECT_NOT_FOUND" } }]);
  });

  test("answers a query of a client that accepts nothing else as one event", async () => {
    for (const method of ["GET", "POST"] as const) {
      const { events } = await subscribe(server.url, "{ viewer { name } }", { key: server.agentKey, method });
      expect(JSON.parse((await nextOf(events)).data)).toEqual({ data: { viewer: { name: "agent" } } });
      expect((await nextOf(events)).event).toBe("complete");
    }
  });
});
