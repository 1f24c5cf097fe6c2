import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { migrate } from "../../src/db/migrate.ts";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { connectOwner, type Owner } from "../support/owner.ts";

/** A migrated database with its first projects, as its owner sees it. */
async function migrated(...projectIds: string[]): Promise<Owner> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const owner = await connectOwner(database);
  for (const projectId of projectIds) {
    await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ($1, false)", [projectId]);
    await owner.query("INSERT INTO projects (project_id, name, id_namespace) VALUES ($1, 'Seeds', $2)", [
      projectId,
      projectId,
    ]);
  }
  return owner;
}

/** Everything that migrations make: tables with their columns, constraints, indexes, functions, triggers and rights. */
async function describeSchema(owner: Owner): Promise<unknown> {
  const { rows } = await owner.query(`
    SELECT 'column' AS kind, concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) AS made
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'constraint', concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'function', concat_ws(' ', oid::regprocedure, md5(prosrc), proacl)
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger', pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'right', concat_ws(' ', relname, relacl) FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'migration', concat_ws(' ', migration_name, checksum, finished_at) FROM _prisma_migrations
    ORDER BY 1, 2`);
  return rows;
}

/** What the migrations make of an empty database. */
let made: { readonly database: TestDatabase; readonly applied: readonly string[] };
const urlsOf = ({ ownerUrl, url }: TestDatabase) => ({ ownerUrl, loginUrl: url });
beforeAll(async () => {
  const database = await createEmptyDatabase();
  made = { database, ...(await migrate(urlsOf(database))) };
});
afterAll(() => made.database.drop());

it("Scenario 1: the migration creates the tasks table with its columns, status check and indexes", async () => {
  const { database, applied } = made;
  expect(applied.length).toBeGreaterThan(0);

  const owner = await connectOwner(database);
  const columns = await owner.query<{ name: string; type: string; nullable: string }>(
    `SELECT column_name AS name, udt_name || coalesce('(' || character_maximum_length || ')', '') AS type,
       is_nullable AS nullable FROM information_schema.columns WHERE table_name = 'tasks'`,
  );
  expect(
    Object.fromEntries(columns.rows.map(({ name, type, nullable }) => [name, `${type} ${nullable}`])),
  ).toMatchObject({
    task_id: "varchar(20) NO",
    project_id: "varchar(100) NO",
    description: "text NO",
    generator_name: "varchar(50) YES",
    status: "varchar(20) NO",
    inputs: "jsonb YES",
    expected_outputs: "jsonb YES",
    context_notes: "text YES",
    created_at: "timestamptz NO",
    updated_at: "timestamptz NO",
    completed_at: "timestamptz YES",
    completion_notes: "text YES",
  });
  const checks = await owner.query<{ definition: string }>(
    "SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conrelid = 'tasks'::regclass AND contype = 'c'",
  );
  expect(checks.rows.map(({ definition }) => definition)).toContainEqual(
    expect.stringMatching(/status.*'pending'.*'in_progress'.*'completed'/),
  );
  const indexes = await owner.query<{ indexdef: string }>("SELECT indexdef FROM pg_indexes WHERE tablename = 'tasks'");
  const definitions = indexes.rows.map(({ indexdef }) => indexdef);
  expect(definitions).toContainEqual(expect.stringMatching(/idx_tasks_project_status .*\(project_id, status\)$/));
  expect(definitions).toContainEqual(expect.stringMatching(/idx_tasks_status .*\(status\)$/));
});

it("Scenario 2: a task with a valid status is stored, stamped with the current time", async () => {
  const owner = await migrated("project-alpha");
  const { rows } = await owner.query(
    `INSERT INTO tasks (task_id, project_id, description, status) VALUES ('TASK-051', 'project-alpha', 'Generate PRD-006', 'pending')
     RETURNING status, created_at = now() AS created_now, updated_at = now() AS updated_now`,
  );
  expect(rows).toEqual([{ status: "pending", created_now: true, updated_now: true }]);
  expect((await owner.query("SELECT task_id FROM tasks")).rows).toEqual([{ task_id: "TASK-051" }]);
});

it("Scenario 3: a task with an invalid status is rejected by a check constraint, and no row is left", async () => {
  const owner = await migrated("project-alpha");
  const insert = owner.query(
    "INSERT INTO tasks (task_id, project_id, description, status) VALUES ('TASK-051', 'project-alpha', 'work', 'invalid_status')",
  );
  await expect(insert).rejects.toMatchObject({ code: "23514", constraint: "chk_tasks_status" });
  expect((await owner.query("SELECT FROM tasks")).rowCount).toBe(0);
});

it("Scenario 4: a thousand tasks of five projects are queried by project and status through the index", async () => {
  const projects = ["project-alpha", "project-beta", "project-gamma", "project-delta", "project-epsilon"];
  const owner = await migrated(...projects);
  await owner.query(
    `INSERT INTO tasks (task_id, project_id, description, status)
     SELECT 'TASK-' || lpad(n::text, 3, '0'), p, 'work ' || n, (ARRAY['pending', 'in_progress', 'completed'])[n % 3 + 1]
     FROM unnest($1::text[]) AS p, generate_series(1, 200) AS n`,
    [projects],
  );
  await owner.query("ANALYZE tasks");
  const { rows } = await owner.query<{ "QUERY PLAN": string }>(
    "EXPLAIN ANALYZE SELECT * FROM tasks WHERE project_id = 'project-alpha' AND status = 'pending'",
  );
  expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).toContain("idx_tasks_project_status");
});

it("Scenario 5: a migration that was applied already is skipped, and the schema stays as it is", async () => {
  const owner = await connectOwner(made.database);
  const before = await describeSchema(owner);
  expect(await migrate(urlsOf(made.database))).toEqual({ applied: [] });
  expect(await describeSchema(owner)).toEqual(before);
});

it("Scenario 6: a query for one project's tasks returns none of another's", async () => {
  const owner = await migrated("project-alpha", "project-beta");
  await owner.query(
    `INSERT INTO tasks (task_id, project_id, description, status) VALUES
     ('TASK-001', 'project-alpha', 'a1', 'pending'), ('TASK-002', 'project-alpha', 'a2', 'completed'),
     ('TASK-001', 'project-beta', 'b1', 'pending')`,
  );
  const { rows } = await owner.query("SELECT * FROM tasks WHERE project_id = 'project-alpha' ORDER BY task_id");
  expect(rows).toMatchObject([
    { project_id: "project-alpha", description: "a1" },
    { project_id: "project-alpha", description: "a2" },
  ]);
});

it("Scenario 7: inputs and outputs are stored as JSONB arrays that can be queried", async () => {
  const owner = await migrated("project-alpha");
  await owner.query(
    `INSERT INTO tasks (task_id, project_id, description, status, inputs, expected_outputs)
     VALUES ('TASK-051', 'project-alpha', 'work', 'pending', '["EPIC-006", "PRD-006"]', '["HLS-001"]')`,
  );
  const stored = await owner.query("SELECT inputs, expected_outputs FROM tasks WHERE task_id = 'TASK-051'");
  expect(stored.rows).toEqual([{ inputs: ["EPIC-006", "PRD-006"], expected_outputs: ["HLS-001"] }]);
  const found = await owner.query("SELECT task_id FROM tasks WHERE inputs ? 'PRD-006' AND NOT inputs ? 'PRD-007'");
  expect(found.rows).toEqual([{ task_id: "TASK-051" }]);
});
