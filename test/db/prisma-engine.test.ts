import { globSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import { type MigrationList, SchemaEngine } from "@prisma/schema-engine-wasm";
import { Pool } from "pg";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { migrate } from "../../src/db/migrate.ts";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { connectOwner } from "../support/owner.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const DATAMODEL: [string, string] = ["schema.prisma", 'datasource db {\n  provider = "postgresql"\n}\n'];
const FILTERS = { externalTables: [], externalEnums: [] };

let migrationsFolder: string;

beforeEach(async () => {
  migrationsFolder = await makeTemporaryFolder("migrations");
});

async function open(made: Promise<TestDatabase>): Promise<TestDatabase> {
  const database = await made;
  onTestFinished(() => database.drop());
  return database;
}

async function write(name: string, sql: string): Promise<void> {
  await mkdir(join(migrationsFolder, name));
  await writeFile(join(migrationsFolder, name, "migration.sql"), sql);
}

function up({ ownerUrl, url }: TestDatabase): Promise<{ applied: string[] }> {
  return migrate({ ownerUrl, loginUrl: url, migrationsFolder });
}

/** What `prisma migrate` does its work with. */
async function withEngine<T>({ ownerUrl }: TestDatabase, work: (engine: SchemaEngine) => Promise<T>): Promise<T> {
  const pool = new Pool({ connectionString: ownerUrl });
  try {
    const adapters = bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool));
    using engine = await SchemaEngine.new({ datamodels: [DATAMODEL] }, () => undefined, adapters);
    return await work(engine);
  } finally {
    await pool.end();
  }
}

/** `prisma migrate deploy` */
async function deploy(database: TestDatabase): Promise<string[]> {
  const migrationsList = await listOf(migrationsFolder);
  const applied = await withEngine(database, (engine) => engine.applyMigrations({ migrationsList, filters: FILTERS }));
  return applied.appliedMigrationNames;
}

/** `prisma migrate status` */
async function status(database: TestDatabase, folder: string) {
  const migrationsList = await listOf(folder);
  return await withEngine(database, (engine) =>
    engine.diagnoseMigrationHistory({ migrationsList, filters: FILTERS, optInToShadowDatabase: false }),
  );
}

async function listOf(folder: string): Promise<MigrationList> {
  const files = globSync(join(folder, "*/migration.sql")).sort();
  const migrationDirectories = files.map(async (file) => ({
    path: basename(dirname(file)),
    migrationFile: { path: "migration.sql", content: { tag: "ok" as const, value: await readFile(file, "utf8") } },
  }));
  return {
    baseDir: folder,
    lockfile: { path: "migration_lock.toml", content: 'provider = "postgresql"\n' },
    shadowDbInitScript: "",
    migrationDirectories: await Promise.all(migrationDirectories),
  };
}

test("Prisma finds nothing to do and no fault in a database that Docket has migrated", async () => {
  const database = await open(createTestDatabase());
  expect(await status(database, "prisma/migrations")).toMatchObject({
    hasMigrationsTable: true,
    failedMigrationNames: [],
    editedMigrationNames: [],
    history: null,
  });
});

test("Prisma names a migration that failed under Docket, and one that is still to come", async () => {
  const database = await open(createEmptyDatabase());
  await write("20260101000000_first", "CREATE TABLE first (i int);");
  await write("20260102000000_second", "SELECT 1 FROM missing;");
  await expect(up(database)).rejects.toThrow("20260102000000_second failed");
  await write("20260103000000_third", "CREATE TABLE third (i int);");
  expect(await status(database, migrationsFolder)).toMatchObject({
    failedMigrationNames: ["20260102000000_second"],
    history: { diagnostic: "databaseIsBehind", unappliedMigrationNames: ["20260103000000_third"] },
  });
});

test("a database that Prisma has migrated is taken over without a word, and Prisma goes on where Docket stopped", async () => {
  const database = await open(createEmptyDatabase());
  const owner = await connectOwner(database);
  const history = async () => (await owner.query("SELECT * FROM _prisma_migrations ORDER BY migration_name")).rows;
  await write("20260101000000_first", "CREATE TABLE first (i int);");
  expect(await deploy(database)).toEqual(["20260101000000_first"]);

  const before = await history();
  expect(await up(database)).toEqual({ applied: [] });
  expect(await history()).toEqual(before);
  await write("20260102000000_second", "CREATE TABLE second (i int);");
  expect(await up(database)).toEqual({ applied: ["20260102000000_second"] });
  await write("20260103000000_third", "CREATE TABLE third (i int);");
  expect(await deploy(database)).toEqual(["20260103000000_third"]);
  expect(await up(database)).toEqual({ applied: [] });
});

test("a table made by Docket is the one that Prisma makes", async () => {
  const columns = async (database: TestDatabase) => {
    const owner = await connectOwner(database);
    const { rows } = await owner.query(
      `SELECT column_name, data_type, character_maximum_length, is_nullable, column_default
       FROM information_schema.columns WHERE table_name = '_prisma_migrations' ORDER BY ordinal_position`,
    );
    return rows;
  };
  await write("20260101000000_first", "CREATE TABLE first (i int);");
  const ours = await open(createEmptyDatabase());
  await up(ours);
  const theirs = await open(createEmptyDatabase());
  await deploy(theirs);
  expect(await columns(ours)).toEqual(await columns(theirs));
});

test("a migration that failed under Prisma is reported with what Prisma wrote down", async () => {
  const database = await open(createEmptyDatabase());
  await write("20260101000000_first", "SELECT 1 FROM missing;");
  await expect(deploy(database)).rejects.toThrow();
  await expect(up(database)).rejects.toThrow(/^Migration 20260101000000_first failed on this database: .*\bmissing\b/s);
});
