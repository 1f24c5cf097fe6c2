import { expect, test } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { withDatabase } from "../support/cluster.ts";
import { startTestServer } from "../support/server.ts";
import { OWN_LOCK } from "../support/waiting.ts";

async function health(url: string) {
  const response = await fetch(`${url}/health`);
  return { status: response.status, body: await response.json() };
}

test("health is open to everyone and answers in the shape that probes expect", async () => {
  const { url } = await startTestServer();
  expect(await health(url)).toMatchObject({
    status: 200,
    body: {
      status: "healthy",
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      uptime_seconds: expect.any(Number),
      dependencies: { database: "connected" },
    },
  });
});

test("health says degraded, still with 200 and at once, when the database refuses every connection", async () => {
  const { url, gql, test: database } = await startTestServer();
  await health(url);
  const name = new URL(database.ownerUrl).pathname.slice(1);
  const admin = await connect(withDatabase(database.ownerUrl, "postgres"), "docket test");
  try {
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [name]);
    await expect
      .poll(() => health(url))
      .toMatchObject({ status: 200, body: { status: "degraded", dependencies: { database: "disconnected" } } });
    // A request tries again for 700 ms and more; whoever asks for health meanwhile is answered first.
    const first = await Promise.race([gql("{ projects { nodes { name } } }"), health(url)]);
    expect(first).toMatchObject({ status: 200, body: { status: "degraded" } });
  } finally {
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await admin.end();
  }
  await expect.poll(async () => (await health(url)).body).toMatchObject({ status: "healthy" });
});

test("health answers in time while every pooled connection is stuck behind a lock", async () => {
  const server = await startTestServer({ env: { DOCKET_POOL_SIZE: "2" } });
  const owner = await connect(server.test.ownerUrl, "docket test");
  try {
    await owner.query("BEGIN; LOCK TABLE projects IN ACCESS EXCLUSIVE MODE");
    // One key alone may not have both.
    const keys = [server.agentKey, server.adminKey, server.adminKey];
    const stuck = Promise.all(keys.map((key) => server.gql("{ projects { nodes { projectId } } }", {}, { key })));
    await expect
      .poll(async () => (await owner.query(`SELECT FROM pg_locks WHERE NOT granted AND ${OWN_LOCK}`)).rowCount)
      .toBe(2);
    expect(await health(server.url)).toMatchObject({ status: 200 });
    await owner.query("COMMIT");
    await stuck;
  } finally {
    await owner.end();
  }
});

test("health says degraded for ten seconds after the database said that its disk is full, which callers are told", async () => {
  const server = await startTestServer();
  const owner = await connect(server.test.ownerUrl, "docket test");
  try {
    await owner.query(`
      CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
      CREATE TRIGGER fails BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION fail()`);
    const create = 'mutation { createProject(input: {projectId: "a", name: "A"}) { replayed } }';
    expect((await server.gql(create)).errors).toMatchObject([
      {
        message: "Database unavailable: its disk is full",
        extensions: { code: "DATABASE_UNAVAILABLE", retryable: true, retryAfterMs: 1000 },
      },
    ]);
    expect((await health(server.url)).body).toMatchObject({
      status: "degraded",
      dependencies: { database: "disk full" },
    });
    await owner.query("DROP TRIGGER fails ON projects");
    await server.ask(create);
    await expect
      .poll(async () => (await health(server.url)).body, { timeout: 15_000 })
      .toMatchObject({ status: "healthy", dependencies: { database: "connected" } });
  } finally {
    await owner.end();
  }
});
