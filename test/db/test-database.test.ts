import { expect, test } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { createTestDatabase } from "../support/database.ts";

test("clones of the template made at once are separate databases", async () => {
  const databases = await Promise.all(Array.from({ length: 8 }, createTestDatabase));
  expect(new Set(databases.map(({ url }) => url)).size).toBe(8);
  await Promise.all(databases.map((database) => database.drop()));
});

test("the server's login may become docket_app and owns nothing", async () => {
  const database = await createTestDatabase();
  const client = await connect(database.url, "docket test of roles");
  await client.query("SET ROLE docket_app");
  await expect(client.query("CREATE TABLE mine (i int)")).rejects.toThrow("permission denied");
  await client.end();
  await database.drop();
});

test("a test that leaves a connection open fails, and is told which", async () => {
  const database = await createTestDatabase();
  const leaked = await connect(database.url, "docket leak");
  await leaked.query("SELECT 42");
  await expect(database.drop()).rejects.toThrow(/1 database connection\(s\) open:\ndocket leak \(idle\): SELECT 42/);
  await leaked.end().catch(() => undefined);
});
