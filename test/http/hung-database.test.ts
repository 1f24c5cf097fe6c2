import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../support/database.ts";
import { startDatabaseProxy } from "../support/database-proxy.ts";
import { eventually } from "../support/eventually.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";
import { OWN_LOCK } from "../support/waiting.ts";

const QUERY = "{ projects { nodes { projectId } } }";
/** Longer than the time limit of one statement, so that the same is asked again. */
const WHILE_MS = 3_500;

/** A server whose database can be made to say nothing. */
async function startBehindProxy() {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const proxy = await startDatabaseProxy(database.url);
  const server = await startTestServer({ test: { ...database, url: proxy.url }, env: { DOCKET_POOL_SIZE: "4" } });
  await server.ask('mutation { createProject(input: {projectId: "alpha", name: "A"}) { replayed } }');
  return { server, proxy };
}

async function timed<T>(work: Promise<T>): Promise<{ answer: T; ms: number }> {
  const began = performance.now();
  return { answer: await work, ms: performance.now() - began };
}

/** One query through each door, each door's answer as text. */
async function doorsInto({ url, wsUrl, agentKey: key }: TestServer) {
  const authorization = `Bearer ${key}`;
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json", authorization, ...headers },
      body: JSON.stringify(body),
    });
    return await response.text();
  };
  const socket = await connectSocket(wsUrl, { apiKey: key });
  const call = { name: "list_tasks", arguments: { project_id: "alpha" } };
  return {
    http: () => post("/graphql", { query: QUERY }),
    yoga: () => post("/graphql", { query: QUERY }, { "content-type": "application/graphql+json" }),
    stream: () =>
      post("/graphql", { query: "subscription { taskEvents { cursor } }" }, { accept: "text/event-stream" }),
    mutation: () =>
      post("/graphql", { query: 'mutation { a: nextId(input: {projectId: "alpha", artifactType: "US"}) { id } }' }),
    mcp: () =>
      post(
        "/mcp",
        { jsonrpc: "2.0", id: 1, method: "tools/call", params: call },
        { accept: "application/json, text/event-stream" },
      ),
    async socket() {
      socket.send({ type: "subscribe", id: "1", payload: { query: QUERY } });
      // Who asks is judged for each operation: a connection that cannot be judged ends, and its client comes back.
      return JSON.stringify(await socket.closed);
    },
  };
}

test("a request gives up after five seconds on a database that says nothing, through every door, and health is told at once", async () => {
  const { server, proxy } = await startBehindProxy();
  const doors = await doorsInto(server);
  proxy.silence("all");
  const answers = Object.entries(doors).map(async ([door, ask]) => ({ door, ...(await timed(ask())) }));
  // A machine that does eight things at once may be late by itself.
  await eventually(async () => {
    const { answer, ms } = await timed(fetch(`${server.url}/health`).then((response) => response.text()));
    expect(answer).toContain('"degraded"');
    expect(ms).toBeLessThan(100);
  });
  expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
  expect((await fetch(`${server.url}/health/ready`)).status).toBe(503);
  for (const { door, answer, ms } of await Promise.all(answers)) {
    expect([door, answer]).toEqual([door, expect.stringMatching(/DATABASE_UNAVAILABLE|Database unavailable/)]);
    // Four tries of a statement would take more than twelve; the rest is for a machine that does eight things at once.
    expect([door, ms < 10_000]).toEqual([door, true]);
  }
  proxy.restore();
  await eventually(async () => expect((await server.gql(QUERY)).errors).toBeUndefined());
  await eventually(async () => expect((await fetch(`${server.url}/health/ready`)).status).toBe(200));
});

test("a request waits for a database that says nothing for less than five seconds", async () => {
  const { server, proxy } = await startBehindProxy();
  proxy.silence("all");
  const asked = timed(server.gql(QUERY));
  setTimeout(() => proxy.restore(), WHILE_MS);
  const { answer, ms } = await asked;
  expect(answer.errors).toBeUndefined();
  expect(ms).toBeGreaterThan(WHILE_MS - 100);
});

test("a request whose key cannot be looked up begins no more tries after five seconds", async () => {
  const { server, proxy } = await startBehindProxy();
  proxy.silence("all");
  const { answer, ms } = await timed(server.gql(QUERY));
  expect(answer.errors?.[0]).toMatchObject({ extensions: { code: "DATABASE_UNAVAILABLE" } });
  // A statement and three connections would take nearly ten.
  expect(ms).toBeLessThan(7_500);
});

test("a request is served over a new connection when all those there are lead nowhere any more", async () => {
  const { server, proxy } = await startBehindProxy();
  await Promise.all(Array.from({ length: 8 }, () => server.ask(QUERY)));
  proxy.silence("present");
  const { answer, ms } = await timed(server.gql(QUERY));
  expect(answer.errors).toBeUndefined();
  expect(ms).toBeLessThan(5_000);
});

test("a server is ready while the schema is as new as it needs or newer, and not when it is older or the server stops", async () => {
  const server = await startTestServer({ env: { DOCKET_METRICS_FROM: "127.0.0.1" } });
  const owner = await connectOwner(server.test, { keepOpen: true });
  const ready = async () => {
    const response = await fetch(`${server.url}/health/ready`);
    return { status: response.status, body: await response.json() };
  };
  const current = { database: "connected", schema: "current", bus: "none" };
  await eventually(async () =>
    expect(await ready()).toEqual({ status: 200, body: { status: "ready", reasons: [], dependencies: current } }),
  );
  await owner.query(
    "INSERT INTO _prisma_migrations (id, migration_name, checksum, finished_at) VALUES ('n', '29990101000000_newer', '', now())",
  );
  const newest = "20261128000850_docket_migrations";
  await owner.query("UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = $1", [newest]);
  await eventually(async () =>
    expect(await ready()).toMatchObject({
      status: 503,
      body: {
        status: "not ready",
        reasons: [`The database lacks migrations: ${newest}. Run docket migrate.`],
        dependencies: { database: "connected", schema: "older" },
      },
    }),
  );
  const metrics = async () => (await fetch(`${server.url}/metrics`)).text();
  expect(await metrics()).toContain("\ndocket_ready 0\n");
  await owner.query("UPDATE _prisma_migrations SET finished_at = now() WHERE migration_name = $1", [newest]);
  // The newer one is still there.
  await eventually(async () => expect(await ready()).toMatchObject({ status: 200, body: { dependencies: current } }));
  expect(await metrics()).toContain("\ndocket_ready 1\n");

  // A connection on which a request is under way may bring another one until the end.
  await owner.query("BEGIN; LOCK TABLE projects IN ACCESS EXCLUSIVE MODE");
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  const answers = text(socket);
  const query = `/graphql?query=${encodeURIComponent(QUERY)}`;
  const head = (path: string) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`;
  socket.write(`${head(query)}Authorization: Bearer ${server.agentKey}\r\nAccept: application/json\r\n\r\n`);
  await eventually(async () => {
    const { rowCount } = await owner.query(
      `SELECT FROM pg_locks WHERE NOT granted AND ${OWN_LOCK} AND relation = 'projects'::regclass`,
    );
    expect(rowCount).toBe(1);
  });
  const closed = server.close();
  socket.write(`${head("/health/ready")}Connection: close\r\n\r\n`);
  await owner.query("ROLLBACK");
  await owner.end();
  expect(await answers).toMatch(/^HTTP\/1.1 200 .*HTTP\/1.1 503 .*The server is stopping/s);
  await closed;
});
