import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";

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
  ["/mcp", "POST"],
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
