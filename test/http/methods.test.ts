import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { makeProject, startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());

/** `fetch` does not send every method. */
async function send(url: string, method: string, headers: Record<string, string> = {}, content?: string) {
  const sent = request(url, { method, headers }).end(content);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once("response", resolve).once("error", reject);
  });
  return { status: response.statusCode, allow: response.headers.allow, body: await text(response) };
}

test.each([
  ["/", "GET, HEAD"],
  ["/graphql", "GET, POST, OPTIONS"],
  ["/health", "GET, HEAD"],
  ["/health/live", "GET, HEAD"],
  ["/health/ready", "GET, HEAD"],
  ["/mcp", "POST"],
  ["/openapi.json", "GET, HEAD"],
  ["/docs", "GET, HEAD"],
  ["/api/v1/tasks", "GET, HEAD, POST, OPTIONS"],
  ["/sign-in", "GET, HEAD, POST"],
  ["/sign-out", "GET, HEAD, POST"],
])("%s answers 405 to every other method than %s, with a reason", async (path, allow) => {
  const { url, agentKey, logged } = server;
  const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "SEARCH", "PROPFIND"];
  for (const method of methods.filter((one) => !allow.includes(one))) {
    const answer = await send(url + path, method, { authorization: `Bearer ${agentKey}` });
    expect([method, answer.status, answer.allow]).toEqual([method, 405, allow]);
    expect(JSON.parse(answer.body)).toMatchObject({ error: expect.stringContaining(allow) });
  }
  expect(logged.filter(({ level }) => level === "error")).toEqual([]);
});

/** What comes back for bytes that a library would not send, until the server ends the connection. */
async function raw(bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  socket.write(bytes);
  return await text(socket);
}

test.each(["FOO", "get", "M-POST", "PROPFINDX"])(
  "the unknown method %s is answered by 501 and those there are",
  async (method) => {
    const answer = await raw(`${method} /graphql HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 501 Not Implemented\r\n/);
    expect(answer).toContain("\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n");
    expect(answer).toContain("\r\n\r\nThis server knows no such method.");
  },
);

test.each([
  ["a proxy's request", "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", 405],
  ["the greeting of TLS", Buffer.from("16030100c8010000c40303", "hex"), 400],
  ["a header with a space", "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400],
  ["headers without end", `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}`, 431],
])("%s is answered by a status that says what is wrong, and the connection ends", async (_, bytes, status) => {
  expect(await raw(bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
});

describe("what cannot be understood", () => {
  const headers = () => `Host: localhost\r\nAuthorization: Bearer ${server.agentKey}`;
  const statuses = (answers: string) => [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

  test("is refused once what came before it has been answered", async () => {
    const question = `GET /graphql?query={viewer{name}} HTTP/1.1\r\n${headers()}\r\n\r\n`;
    const answers = await raw(`${question}${question}FOO / HTTP/1.1\r\n\r\n`);
    expect(statuses(answers)).toEqual([200, 200, 501]);
    expect(answers.match(/\{"viewer":\{"name":"agent"\}\}/g)).toHaveLength(2);
  });

  test("is refused in the middle of a body, which is not waited for any more", async () => {
    const type = "Content-Type: application/json\r\nTransfer-Encoding: chunked";
    const broken = `POST /graphql HTTP/1.1\r\n${headers()}\r\n${type}\r\n\r\n5\r\n{"que\r\nxyz\r\n`;
    expect(statuses(await raw(broken))).toEqual([400]);
    const question = `GET /graphql?query={viewer{name}} HTTP/1.1\r\n${headers()}\r\n\r\n`;
    expect(statuses(await raw(question + broken))).toEqual([200, 400]);
  });

  test("is not answered into a stream, which goes on", async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    let seen = "";
    socket.on("data", (bytes) => {
      seen += bytes;
    });
    const accept = "Accept: text/event-stream";
    socket.write(
      `GET /graphql?query=subscription{taskEvents{events{payload}}} HTTP/1.1\r\n${headers()}\r\n${accept}\r\n\r\n`,
    );
    await once(socket, "data");
    socket.write("FOO / HTTP/1.1\r\n\r\n");
    const { projectId } = await makeProject(server, ["a task"]);
    await vi.waitFor(() => expect(seen).toContain(projectId), 10_000);
    socket.end();
    await once(socket, "close");
    expect(statuses(seen)).toEqual([200]);
  });
});

test("media types are understood in any case", async () => {
  const { url, agentKey } = server;
  const authorization = `Bearer ${agentKey}`;
  const body = JSON.stringify({ query: "{ viewer { name } }" });
  for (const type of ["APPLICATION/JSON; Charset=UTF-8", "Application/Json", "application/json ;charset=utf-8"]) {
    const headers = { authorization, "content-type": type, accept: "Application/GraphQL-Response+JSON" };
    const answer = await send(`${url}/graphql`, "POST", headers, body);
    expect(answer).toMatchObject({ status: 200, body: '{"data":{"viewer":{"name":"agent"}}}' });
  }
  const form = { authorization, "content-type": "Application/X-WWW-Form-URLEncoded" };
  expect((await send(`${url}/graphql`, "POST", form, "query={viewer{name}}")).status).toBe(200);
  const call = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  expect((await send(`${url}/mcp`, "POST", { authorization, "content-type": "APPLICATION/JSON" }, call)).status).toBe(
    200,
  );
  // A program that accepts only this gets a stream, and a browser its page.
  const events = await send(`${url}/graphql?query={viewer{name}}`, "GET", {
    authorization,
    accept: "Text/Event-Stream",
  });
  expect(events.body).toContain("event: complete");
  expect((await send(`${url}/graphql`, "GET", { accept: "Text/HTML" })).status).toBe(303);
});

test.each(["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])(
  "a body of the type %j is refused by 415, saying which type to send",
  async (type) => {
    const { url, agentKey } = server;
    const headers = { authorization: `Bearer ${agentKey}`, "content-type": type };
    const body = new TextEncoder().encode("{ viewer { name } }");
    const answer = await fetch(`${url}/graphql`, { method: "POST", headers, body });
    expect(answer.status).toBe(415);
    expect(await answer.json()).toMatchObject({
      errors: [{ message: expect.stringContaining("application/json"), extensions: { code: "BAD_USER_INPUT" } }],
    });
  },
);

test.each(["h2c", "h2c, websocket", "TLS/1.0"])("who offers %j as well is answered in HTTP/1.1", async (upgrade) => {
  const { url, agentKey } = server;
  const headers = {
    authorization: `Bearer ${agentKey}`,
    "content-type": "application/json",
    // As Java's HttpClient and curl --http2 send it.
    connection: "Upgrade, HTTP2-Settings",
    upgrade,
    "http2-settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
  };
  const query = JSON.stringify({ query: "{ viewer { name } }" });
  expect(await send(`${url}/graphql`, "POST", headers, query)).toMatchObject({
    status: 200,
    body: '{"data":{"viewer":{"name":"agent"}}}',
  });
  expect((await send(`${url}/health`, "GET", headers)).status).toBe(200);
});

describe("POST /mcp", () => {
  test.each(["", "*/*", "application/json", "text/event-stream", "text/html, image/png;q=0.5"])(
    "answers whoever accepts %j",
    async (accept) => {
      const { url, agentKey } = server;
      const headers = { authorization: `Bearer ${agentKey}`, "content-type": "application/json", accept };
      const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "list_tasks", arguments: {} } };
      const answer = await fetch(`${url}/mcp`, { method: "POST", headers, body: JSON.stringify(call) });
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ id: 1, result: { content: [{ type: "text" }] } });
    },
  );
});
