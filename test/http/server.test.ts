import { type IncomingMessage, request } from "node:http";
import { connect as connectTo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { makeSecret } from "../../src/keys/secret.ts";
import { createTestDatabase } from "../support/database.ts";
import { startDatabaseProxy } from "../support/database-proxy.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { OWN_LOCK } from "../support/waiting.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());

/** A request with any headers; `fetch` would not let Host and Origin be set. */
async function send(url: string, path: string, headers: Record<string, string>, method = "GET", body = "") {
  const sent = request(new URL(path, url), { method, headers }).end(body);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once("response", resolve).once("error", reject);
  });
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

const viewer = JSON.stringify({ query: "{ viewer { actor } }" });

describe("the HTTP server", () => {
  test("leads from / to GraphiQL, and says what there is elsewhere", async () => {
    const { url } = server;
    const root = await fetch(url, { redirect: "manual" });
    expect([root.status, root.headers.get("location")]).toEqual([303, "/graphql"]);
    const missing = await fetch(`${url}/nothing`);
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ error: expect.stringContaining("Nothing is at /nothing") });
  });

  test("answers only to its own names on every path, so that no foreign name can be made to point at it", async () => {
    const { url } = await startTestServer({ env: { DOCKET_ALLOWED_HOSTS: "docket.example.com" } });
    const { port } = new URL(url);
    for (const path of ["/", "/graphql", "/health", "/mcp", "/sign-in", "/tasks", "/docs", "/nowhere"]) {
      const { status, body } = await send(url, path, { host: `evil.example:${port}` });
      expect([path, status]).toEqual([path, 403]);
      expect(body).toContain("DOCKET_ALLOWED_HOSTS");
    }
    for (const host of [`localhost:${port}`, "docket.example.com", "DOCKET.example.com:443", "[::1]:4000", "10.0.0.7"])
      expect([host, (await send(url, "/health", { host })).status]).toEqual([host, 200]);
  });

  test("refuses a body beyond one megabyte whether or not its length was announced", async () => {
    const { url, agentKey } = server;
    const headers = { authorization: `Bearer ${agentKey}`, "content-type": "application/json" };
    const large = JSON.stringify({ query: "{ viewer { actor } }", variables: { text: "x".repeat(1024 * 1024) } });
    const announced = await fetch(`${url}/graphql`, { method: "POST", headers, body: large });
    expect(announced.status).toBe(413);
    const streamed = await send(url, "/graphql", { ...headers, "transfer-encoding": "chunked" }, "POST", large);
    expect(streamed.status).toBe(413);
    expect(JSON.parse(streamed.body)).toMatchObject({ errors: [{ extensions: { code: "BAD_USER_INPUT" } }] });
  });

  test.each(["/graphql", "/mcp", "/sign-in", "/health", "/nowhere"])(
    "lets whoever it refuses on %s send all of a large body, and go on",
    async (path) => {
      const { port, hostname } = new URL(server.url);
      const socket = connectTo(Number(port), hostname);
      onTestFinished(() => void socket.destroy());
      let answers = "";
      socket.on("data", (chunk) => {
        answers += chunk;
      });
      const size = 8 * 1024 * 1024;
      const head = `Host: ${hostname}:${port}\r\nAuthorization: Bearer ${server.agentKey}\r\nContent-Type: application/json`;
      socket.write(`POST ${path} HTTP/1.1\r\n${head}\r\nContent-Length: ${size}\r\n\r\n`);
      await expect.poll(() => answers).toMatch(/^HTTP\/1.1 4\d\d .*error/s);
      socket.write("x".repeat(size));
      socket.write(`GET /health HTTP/1.1\r\n${head}\r\n\r\n`);
      await expect.poll(() => answers).toContain("HTTP/1.1 200 OK");
    },
  );

  test("lets pages of other origins in only where the configuration names them", async () => {
    const { url, agentKey } = await startTestServer({ env: { DOCKET_CORS_ORIGINS: "https://board.example" } });
    const headers = { authorization: `Bearer ${agentKey}`, "content-type": "application/json" };
    const allowed = async (origin: string) => {
      const preflight = await send(url, "/graphql", { origin, "access-control-request-method": "POST" }, "OPTIONS");
      const answer = await send(url, "/graphql", { ...headers, origin }, "POST", viewer);
      expect(answer.status).toBe(200);
      return [preflight.headers["access-control-allow-origin"], answer.headers["access-control-allow-origin"]];
    };
    expect(await allowed("https://board.example")).toEqual(["https://board.example", "https://board.example"]);
    expect(await allowed("https://evil.example")).toEqual([undefined, undefined]);
  });

  test("gives every answer a request id, the caller's own where it has one, and logs the request under it", async () => {
    const { url, agentKey, logged } = server;
    const answer = await fetch(`${url}/graphql?operationName=Me&note=hello`, {
      method: "POST",
      headers: { authorization: `Bearer ${agentKey}`, "content-type": "application/json", "x-request-id": "ci-42" },
      body: JSON.stringify({ query: "query Me { viewer { actor } }" }),
    });
    expect(answer.headers.get("x-request-id")).toBe("ci-42");
    await answer.text();
    await expect
      .poll(() => logged.find((line) => line["request_id"] === "ci-42"))
      .toEqual({
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        level: "info",
        request_id: "ci-42",
        method: "POST",
        path: "/graphql",
        params: { operationName: "(not logged)", "(other)": "(not logged)" },
        status_code: 200,
        duration_ms: expect.any(Number),
        remote_addr: "127.0.0.1",
        api_key_prefix: agentKey.slice(0, 8),
        operation: "Me",
      });
    const generated = await fetch(`${url}/health`, { headers: { "x-request-id": "not a good id!" } });
    expect(generated.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("says on every path that a lost database is worth another try, and when", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const proxy = await startDatabaseProxy(database.url);
    const { url, agentKey, logged } = await startTestServer({ test: { ...database, url: proxy.url } });
    proxy.cut();
    const authorization = `Bearer ${agentKey}`;
    const cookie = `docket_session_${new URL(url).port}=${makeSecret("session").text}`;
    const callers = { "/graphql": { authorization }, "/mcp": { authorization }, "/sign-out": { cookie, origin: url } };
    const answers = await Promise.all(
      Object.entries(callers).map(async ([path, caller]) => {
        const headers = { "content-type": "application/json", ...caller };
        const answer = await fetch(url + path, { method: "POST", headers, body: viewer });
        return [path, answer.status, await answer.json()];
      }),
    );
    const extensions = { code: "DATABASE_UNAVAILABLE", retryable: true, retryAfterMs: 1000 };
    const errors = [{ message: "Database unavailable", extensions }];
    expect(answers).toMatchObject(Object.keys(callers).map((path) => [path, 500, { errors }]));
    expect(logged.filter(({ msg }) => msg === "request failed")).toMatchObject(
      Object.keys(callers).map(() => ({ level: "error" })),
    );
  });

  test("takes a caller that goes away for what it is, not for a fault of its own", async () => {
    const server = await startTestServer();
    const owner = await connect(server.test.ownerUrl, "docket test");
    await owner.query("BEGIN; LOCK TABLE projects IN ACCESS EXCLUSIVE MODE");
    const caller = new AbortController();
    const asked = fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${server.agentKey}`, "content-type": "application/json" },
      body: JSON.stringify({ query: "{ projects { nodes { name } } }" }),
      signal: caller.signal,
    });
    await expect
      .poll(async () => (await owner.query(`SELECT FROM pg_locks WHERE NOT granted AND ${OWN_LOCK}`)).rowCount)
      .toBe(1);
    caller.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => server.logged).toMatchObject([{ level: "warn", path: "/graphql", status_code: 499 }]);
    await owner.query("COMMIT");
    await owner.end();
    await server.close();
    expect(server.logged).toHaveLength(1);
  });

  test("logs a caller's mistake as a warning with its code, and never a secret", async () => {
    const { url, gql, logged, adminKey } = await startTestServer();
    await gql("{ nonsense }", {}, { key: adminKey });
    await fetch(`${url}/sign-in?token=dl_secretsecret`);
    await gql("{ viewer { actor } }", {}, { key: `${adminKey}x` });
    await expect
      .poll(() => logged.map(({ level, code }) => [level, code]))
      .toEqual([
        ["warn", "BAD_USER_INPUT"],
        ["info", undefined],
        ["warn", "UNAUTHENTICATED"],
      ]);
    expect(JSON.stringify(logged)).not.toMatch(/secretsecret/);
    expect(JSON.stringify(logged)).not.toContain(adminKey.slice(11));
  });
});
