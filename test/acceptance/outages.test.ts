import { createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { migrate } from "../../src/db/migrate.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startDatabaseProxy } from "../support/database-proxy.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { startServerProcess } from "../support/server-process.ts";
import { type StoppablePostgres, startPostgres } from "../support/stoppable-postgres.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";
import { ask, expectNothingMissing, followByClient, followBySse, health, Writers } from "./traffic.ts";

/** Outlasts the time limits of statements and connections, several in a row. */
const LONG = { timeout: 40_000, interval: 100 };
const CREATE_ALPHA = 'mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }';

async function makeDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database;
}

/** A migrated database in a PostgreSQL that ends with the test. */
async function databaseIn({ url }: StoppablePostgres): Promise<TestDatabase> {
  await migrate({ ownerUrl: url, loginUrl: url });
  return { url, ownerUrl: url, drop: async () => undefined };
}

async function logs({ logged }: TestServer, message: string, times = 1): Promise<void> {
  await expect.poll(() => logged.filter(({ msg }) => String(msg).startsWith(message)).length, LONG).toBe(times);
}

it("delivers while its LISTEN connection is killed again and again, and listens again each time", async () => {
  const server = await startTestServer();
  await ask(server, CREATE_ALPHA);
  const followers = [await followByClient(server), await followBySse([server])];
  const writers = new Writers([server], 2);
  const owner = await connectOwner(server.test);
  const listeners = async () =>
    (
      await owner.query<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'docket listen'",
      )
    ).rows.map(({ pid }) => pid);
  for (let times = 1; times <= 2; times++) {
    await expect.poll(listeners, LONG).toHaveLength(1);
    const [pid] = await listeners();
    await owner.query("SELECT pg_terminate_backend($1)", [pid]);
    await logs(server, "Listening for new events fails", times);
    // Whoever wants to be told now is told by polling.
    const before = followers.map(({ events }) => events.length);
    await writers.more(3);
    await expect.poll(() => followers.every(({ events }, i) => events.length > (before[i] ?? 0)), LONG).toBe(true);
    await logs(server, "Listening for new events works again", times);
  }
  await expectNothingMissing(server, writers, ...followers);
});

it("goes on without a gap when PostgreSQL stood still for longer than every time limit, which it says, and when it crashed", async () => {
  const postgres = await startPostgres();
  const test = await databaseIn(postgres);
  const server = await startTestServer({ test });
  const other = await startTestServer({ test });
  await ask(server, CREATE_ALPHA);
  const followers = [await followByClient(server), await followBySse([server]), await followByClient(other)];
  const writers = new Writers([server, other], 3);
  await writers.more(10);
  await postgres.freeze();
  await expect.poll(() => health(server), LONG).toBe("degraded, disconnected");
  await logs(server, "Reading the log fails");
  await logs(other, "Reading the log fails");
  await expect.poll(() => writers.failures, LONG).toBeGreaterThan(0);
  postgres.thaw();
  await writers.more(10);
  await logs(server, "Reading the log works again");
  await expect.poll(() => health(server), LONG).toBe("healthy, connected");

  await postgres.crash();
  await writers.more(10);
  await expect.poll(() => health(server), LONG).toBe("healthy, connected");
  await expectNothingMissing(server, writers, ...followers);
  expect(followers.map(({ connections }) => connections)).toEqual([1, 1, 1]);
});

it("loses nothing for subscribers whose server is killed in mid-delivery and who go on at another one", async () => {
  const database = await makeDatabase();
  const port = { PORT: String(await freePort()) };
  const dying = await startServerProcess(database, await makeTemporaryFolder("outages"), port);
  const staying = await startTestServer({ test: database });
  await ask(staying, CREATE_ALPHA);
  const followers = [
    await followByClient(dying),
    await followBySse([dying, staying]),
    await followBySse([staying, dying]),
  ];
  const writers = new Writers([staying, dying], 4);
  await writers.more(10);
  await dying.kill();
  await writers.more(5);
  // Another server at the same address.
  await startTestServer({ test: database, env: port });
  await writers.more(10);
  await expectNothingMissing(staying, writers, ...followers);
  // The last one's server was never killed.
  expect(followers.slice(1).map(({ connections }) => connections > 1)).toEqual([true, false]);
});

it("notices connections to the database that went silent without an end, and delivers what came meanwhile", async () => {
  const test = await makeDatabase();
  const proxy = await startDatabaseProxy(test.url);
  const near = await startTestServer({ test: { ...test, url: proxy.url } });
  const other = await startTestServer({ test });
  await ask(near, CREATE_ALPHA);
  const followers = [await followByClient(near), await followBySse([near])];
  const writers = new Writers([other], 2);
  await writers.more(5);
  proxy.silence("present");
  await logs(near, "Listening for new events fails");
  await logs(near, "Listening for new events works again");
  const before = followers.map(({ events }) => events.length);
  await writers.more(5);
  await expect.poll(() => followers.every(({ events }, i) => events.length > (before[i] ?? 0)), LONG).toBe(true);

  proxy.silence("all");
  await logs(near, "Reading the log fails");
  await expect.poll(() => health(near), LONG).toBe("degraded, disconnected");
  await writers.more(5);
  proxy.restore();
  await logs(near, "Reading the log works again");
  await expectNothingMissing(near, writers, ...followers);
  expect(followers.map(({ connections }) => connections)).toEqual([1, 1]);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}
