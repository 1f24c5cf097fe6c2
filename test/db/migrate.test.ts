import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { createDatabase } from "../../src/db/create-database.ts";
import { migrate, migrateDown } from "../../src/db/migrate.ts";
import { withDatabase } from "../support/cluster.ts";
import { createEmptyDatabase, type TestDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

let database: TestDatabase;
let migrationsFolder: string;

beforeEach(async () => {
  database = await createEmptyDatabase();
  migrationsFolder = await makeTemporaryFolder("migrations");
});

afterEach(async () => {
  await rm(migrationsFolder, { recursive: true });
  await database.drop();
});

const FIRST = "20260101000000_first";
const SECOND = "20260102000000_second";
const THIRD = "20260103000000_third";
const FIRST_SQL = `
CREATE TABLE first (i int);
CREATE FUNCTION twice(i int) RETURNS int LANGUAGE plpgsql AS $body$
BEGIN
  IF i IS NULL THEN RETURN NULL; END IF;
  RETURN i * 2;
END;
$body$;
`;

async function write(name: string, sql: string, down?: string): Promise<void> {
  await mkdir(join(migrationsFolder, name), { recursive: true });
  await writeFile(join(migrationsFolder, name, "migration.sql"), sql);
  if (down !== undefined) await writeFile(join(migrationsFolder, name, "down.sql"), down);
}

function up(): Promise<{ applied: string[] }> {
  return migrate({ ownerUrl: database.ownerUrl, loginUrl: database.url, migrationsFolder });
}

async function query(sql: string, url = database.ownerUrl): Promise<Record<string, unknown>[]> {
  const client = await connect(url, "docket test");
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test("applies migrations in order, bodies of functions whole, and nothing when run again", async () => {
  await write(FIRST, FIRST_SQL);
  await write(SECOND, "CREATE TABLE second (i int);");
  expect(await up()).toEqual({ applied: [FIRST, SECOND] });
  expect(await query("SELECT twice(21)")).toEqual([{ twice: 42 }]);
  const before = await query("SELECT * FROM _prisma_migrations");
  expect(await up()).toEqual({ applied: [] });
  expect(await query("SELECT * FROM _prisma_migrations")).toEqual(before);
});

test("with no migrations there is nothing to do", async () => {
  expect(await up()).toEqual({ applied: [] });
  await rm(migrationsFolder, { recursive: true });
  expect(await up()).toEqual({ applied: [] });
  await mkdir(migrationsFolder);
});

test("processes that migrate at once apply each migration once", async () => {
  await write(FIRST, FIRST_SQL);
  const results = await Promise.all([up(), up(), up()]);
  expect(results.flatMap(({ applied }) => applied)).toEqual([FIRST]);
});

test("reports a migration that was edited after it was applied", async () => {
  await write(FIRST, FIRST_SQL);
  await up();
  await write(FIRST, `${FIRST_SQL} -- edited`);
  await expect(up()).rejects.toThrow(`Migration ${FIRST} was edited after it was applied`);
});

test("reports a failed migration with its cause, undoes all of it, and goes on once it is marked as told", async () => {
  await write(FIRST, "CREATE TABLE half (i int);\nSELECT 1 FROM missing;");
  const failure = await up().catch((error: Error) => error.message);
  expect(failure).toMatch(/failed on this database: .*"missing" does not exist \(line 2\)/s);
  expect(failure).not.toContain(".rs:");
  await expect(up()).rejects.toThrow('relation "missing" does not exist');
  expect(await query("SELECT to_regclass('half') AS half")).toEqual([{ half: null }]);

  await query(String(failure).split("\n").at(-1) ?? "");
  await write(FIRST, "CREATE TABLE half (i int);");
  expect(await up()).toEqual({ applied: [FIRST] });
});

test("a migration that cannot lock a table in time may be tried again", async () => {
  await write(FIRST, FIRST_SQL);
  await up();
  await write(SECOND, "ALTER TABLE first ADD COLUMN j int;");
  const holder = await connect(database.ownerUrl, "docket test holder");
  await holder.query("BEGIN; LOCK TABLE first");
  await expect(up()).rejects.toThrow("could not lock a table");
  await holder.end();
  expect(await up()).toEqual({ applied: [SECOND] });
});

test("says that the database went away when it does in the middle of a migration", async () => {
  await write(FIRST, "SELECT pg_sleep(600);");
  const gone = expect(up()).rejects.toMatchObject({
    code: "DATABASE_UNAVAILABLE",
    message: expect.stringMatching(/^The database went away .* Start again once it is back/),
  });
  const ours = "datname = current_database() AND application_name = 'docket migrate'";
  await eventually(async () =>
    expect(await query(`SELECT FROM pg_stat_activity WHERE ${ours} AND query LIKE '%pg_sleep(600)%'`)).toHaveLength(1),
  );
  await query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${ours}`);
  await gone;
  // Nothing of it was done, and nothing has to be done about it.
  await write(FIRST, FIRST_SQL);
  expect(await up()).toEqual({ applied: [FIRST] });
});

test("a script that commits on its own and then fails is on record, and is not tried again by itself", async () => {
  await write(FIRST, "CREATE TABLE half (i int); COMMIT; SELECT 1 FROM missing;");
  await expect(up()).rejects.toThrow(/failed on this database: .*"missing" does not exist/s);
  expect(await query("SELECT to_regclass('half') IS NOT NULL AS half")).toEqual([{ half: true }]);
  await expect(up()).rejects.toThrow('relation "missing" does not exist');
});

test("a statement that no transaction may hold has a migration of its own", async () => {
  await write(FIRST, FIRST_SQL);
  await write(SECOND, "CREATE INDEX CONCURRENTLY idx_first ON first (i);");
  expect(await up()).toEqual({ applied: [FIRST, SECOND] });
  expect(await query("SELECT to_regclass('idx_first') IS NOT NULL AS made")).toEqual([{ made: true }]);
});

test("a migration that was added between those applied is applied", async () => {
  await write(FIRST, FIRST_SQL);
  await write(THIRD, "CREATE TABLE third (i int);");
  await up();
  await write(SECOND, "CREATE TABLE second (i int);");
  expect(await up()).toEqual({ applied: [SECOND] });
});

test("line ends that Git has changed are no edit", async () => {
  await write(FIRST, FIRST_SQL);
  await up();
  await write(FIRST, FIRST_SQL.replaceAll("\n", "\r\n"));
  expect(await up()).toEqual({ applied: [] });
});

test("leaves a database alone that has tables of somebody else", async () => {
  await query("CREATE TABLE theirs (i int)");
  await write(FIRST, FIRST_SQL);
  await expect(up()).rejects.toThrow("has tables already (theirs). Give Docket a database of its own.");
  expect(await query("SELECT to_regclass('first') AS first")).toEqual([{ first: null }]);
});

test("an older program leaves a newer database alone", async () => {
  await write(FIRST, FIRST_SQL);
  await write(SECOND, "CREATE TABLE second (i int);");
  await up();
  await rm(join(migrationsFolder, SECOND), { recursive: true });
  expect(await up()).toEqual({ applied: [] });
});

test("refuses a database that lacks some of our migrations and has some of another version", async () => {
  await write(FIRST, FIRST_SQL);
  await write(SECOND, "CREATE TABLE second (i int);");
  await up();
  await rm(join(migrationsFolder, SECOND), { recursive: true });
  await write(THIRD, "CREATE TABLE third (i int);");
  await expect(up()).rejects.toThrow(`has migrations that this program lacks (${SECOND})`);
});

test("down undoes the newest migrations, and up applies them again", async () => {
  await write(FIRST, FIRST_SQL, "DROP TABLE first; DROP FUNCTION twice;");
  await write(SECOND, "CREATE TABLE second (i int);", "DROP TABLE second;");
  await up();
  const down = (steps: number) => migrateDown({ ownerUrl: database.ownerUrl, steps, migrationsFolder });
  expect(await down(1)).toEqual({ undone: [SECOND] });
  expect(await up()).toEqual({ applied: [SECOND] });
  expect(await down(5)).toEqual({ undone: [SECOND, FIRST] });
  expect(await query("SELECT to_regclass('first') AS first")).toEqual([{ first: null }]);
  expect(await up()).toEqual({ applied: [FIRST, SECOND] });
});

test("down changes nothing when one of its steps fails or is unknown", async () => {
  await write(FIRST, FIRST_SQL, "DROP TABLE no_such_table;");
  await write(SECOND, "CREATE TABLE second (i int);", "DROP TABLE second;");
  await write(THIRD, "CREATE TABLE third (i int);");
  await up();
  const down = (steps: number) => migrateDown({ ownerUrl: database.ownerUrl, steps, migrationsFolder });
  await expect(down(1)).rejects.toThrow(`this program has no ${THIRD}/down.sql`);
  await writeFile(join(migrationsFolder, THIRD, "down.sql"), "DROP TABLE third;");
  await expect(down(3)).rejects.toThrow('nothing was changed: table "no_such_table" does not exist');
  expect(await up()).toEqual({ applied: [] });
  expect(await query("SELECT to_regclass('second') IS NOT NULL AS kept")).toEqual([{ kept: true }]);
});

test("down on a database that was never migrated undoes nothing", async () => {
  expect(await migrateDown({ ownerUrl: database.ownerUrl, migrationsFolder })).toEqual({ undone: [] });
});

test("an unreachable database is named without its password", async () => {
  const ownerUrl = "postgresql://me:secret@127.0.0.1:1/nowhere";
  const failure = await migrate({ ownerUrl, loginUrl: ownerUrl, migrationsFolder }).catch(
    (error: Error) => error.message,
  );
  expect(failure).toContain('PostgreSQL at 127.0.0.1, port 1, database "nowhere"');
  expect(failure).not.toContain("secret");
});

test("creates a missing database once", async () => {
  const url = withDatabase(database.ownerUrl, `${new URL(database.ownerUrl).pathname.slice(1)} "2"`);
  const made = await Promise.all([createDatabase(url), createDatabase(url)]);
  expect(made.filter(Boolean)).toHaveLength(1);
  expect(await createDatabase(url)).toBe(false);
  await query(`DROP DATABASE "${decodeURIComponent(new URL(url).pathname.slice(1)).replaceAll('"', '""')}"`);
});
