import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { createDatabase } from "../../src/db/create-database.ts";
import { type EmbeddedServer, startEmbedded } from "../../src/db/embedded/start.ts";
import { migrate, migrateDown } from "../../src/db/migrate.ts";
import { withDatabase } from "../support/cluster.ts";
import { makeInitialisedHome, makeTemporaryFolder } from "../support/temporary-folder.ts";

// Roles belong to the whole cluster, so these tests have one of their own.
let folder: string;
let server: EmbeddedServer;
let administrator: Client;

beforeAll(async () => {
  folder = await makeTemporaryFolder("roles");
  server = await startEmbedded(await makeInitialisedHome(join(folder, ".docket")), { settings: { fsync: "off" } });
  administrator = await connect(withDatabase(server.ownerUrl, "postgres"), "docket test");
  // Its tables know the role.
  await admin("DROP DATABASE docket");
  await createDatabase(server.ownerUrl);
  await admin("CREATE ROLE plain_owner LOGIN PASSWORD 'p'; CREATE ROLE role_maker LOGIN CREATEROLE PASSWORD 'p'");
  await admin("CREATE ROLE server LOGIN PASSWORD 'p'");
});

afterAll(async () => {
  await administrator.end();
  await server.stop();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  await admin("DROP ROLE IF EXISTS docket_app");
});

async function admin(sql: string): Promise<void> {
  await administrator.query(sql);
}

function as(login: string, database = "docket"): string {
  const url = new URL(withDatabase(server.ownerUrl, database));
  url.username = login;
  url.password = "p";
  return url.href;
}

async function becomes(url: string): Promise<string> {
  const client = await connect(url, "docket test");
  try {
    await client.query("SET ROLE docket_app");
    return (await client.query<{ current_user: string }>("SELECT current_user")).rows[0]?.current_user ?? "";
  } finally {
    await client.end();
  }
}

const migrationsFolder = "no-such-folder";

test("an owner that may create roles sets up docket_app for itself and for the server's login", async () => {
  const urls = { ownerUrl: as("role_maker"), loginUrl: as("server"), migrationsFolder };
  await migrate(urls);
  await migrate(urls);
  expect(await becomes(as("role_maker"))).toBe("docket_app");
  expect(await becomes(as("server"))).toBe("docket_app");
});

test("an owner that may not create roles is told the statements for an administrator, and they suffice", async () => {
  const urls = { ownerUrl: as("plain_owner"), loginUrl: as("server"), migrationsFolder };
  const failure: string = await migrate(urls).then(String, (error: Error) => error.message);
  const statements = 'CREATE ROLE docket_app NOLOGIN;\nGRANT docket_app TO "server", "plain_owner";';
  expect(failure).toContain(statements);
  await admin("CREATE ROLE docket_app NOLOGIN");
  await expect(migrate(urls)).rejects.toThrow(/start again:\nGRANT docket_app TO "server", "plain_owner";$/);
  await admin(statements.split("\n")[1] ?? "");
  await migrate(urls);
  expect(await becomes(as("server"))).toBe("docket_app");
});

test("a login that does not exist is named", async () => {
  const urls = { ownerUrl: server.ownerUrl, loginUrl: as("nobody_here"), migrationsFolder };
  await expect(migrate(urls)).rejects.toThrow("The login nobody_here of DATABASE_URL does not exist");
});

test("databases of one cluster that are migrated at once all find the role", async () => {
  const names = ["one", "two", "three", "four"];
  for (const name of names) await createDatabase(withDatabase(server.ownerUrl, name));
  await Promise.all(
    names.map((name) => migrate({ ownerUrl: as("role_maker", name), loginUrl: as("server"), migrationsFolder })),
  );
  expect(await becomes(as("server"))).toBe("docket_app");
});

test("Docket's own migrations need no superuser, and can be undone", async () => {
  await admin("CREATE DATABASE owned OWNER role_maker");
  const ownerUrl = as("role_maker", "owned");
  const { applied } = await migrate({ ownerUrl, loginUrl: as("server", "owned") });
  const { undone } = await migrateDown({ ownerUrl, steps: applied.length });
  expect(undone).toEqual(applied.toReversed());
  expect((await migrate({ ownerUrl, loginUrl: as("server", "owned") })).applied).toEqual(applied);
  await admin("DROP DATABASE owned");
});
