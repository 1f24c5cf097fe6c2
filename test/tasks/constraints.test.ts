import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { seedTasks, verbTest } from "../support/verbs.ts";

const insert = (columns: string, values: string) =>
  `INSERT INTO tasks (project_id, task_id, description${columns && `, ${columns}`}) VALUES ('alpha', 'TASK-900', 'x'${values && `, ${values}`})`;
const attempt = (columns: string, values: string) =>
  `INSERT INTO task_attempts (project_id, task_id, attempt, actor, lease_expires_at${columns && `, ${columns}`})
   VALUES ('alpha', 'TASK-001', 1, 'a', now()${values && `, ${values}`})`;

it.each([
  ["an unknown status", insert("status", "'invalid_status'"), "chk_tasks_status"],
  [
    "a task id of another form",
    "INSERT INTO tasks (project_id, task_id, description) VALUES ('alpha', 'task-1', 'x')",
    "tasks_task_id_check",
  ],
  [
    "a task of no project",
    "INSERT INTO tasks (project_id, task_id, description) VALUES ('nowhere', 'TASK-900', 'x')",
    "tasks_project_id_fkey",
  ],
  [
    "the same task twice",
    "INSERT INTO tasks (project_id, task_id, description) VALUES ('alpha', 'TASK-001', 'x')",
    "tasks_pkey",
  ],
  ["a priority outside 0 to 4", insert("priority", "5"), "tasks_priority_check"],
  ["inputs that are no list", insert("inputs", "'{}'"), "tasks_inputs_check"],
  ["metadata that is no object", insert("metadata", "'[]'"), "tasks_metadata_check"],
  ["a deleted task in progress", insert("status, deleted_at", "'in_progress', now()"), "chk_deleted_not_held"],
  [
    "one artifact in two tasks",
    `${insert("artifact_id", "'HLS-001'")}, ('alpha', 'TASK-901', 'x', 'HLS-001')`,
    "uniq_tasks_artifact",
  ],
  ["two open attempts of a task", `${attempt("", "")}, ('alpha', 'TASK-001', 2, 'a', now())`, "uniq_open_attempt"],
  ["an attempt that ended without an outcome", attempt("ended_at", "now()"), "task_attempts_check"],
  ["an attempt's secret that is too short to be one", attempt("secret", "'abc'"), "chk_attempt_secret"],
  [
    "an attempt of no task",
    "INSERT INTO task_attempts (project_id, task_id, attempt, actor, lease_expires_at) VALUES ('beta', 'TASK-001', 1, 'a', now())",
    "task_attempts_project_id_task_id_fkey",
  ],
  [
    "a project id that is no slug",
    "INSERT INTO projects (project_id, name, id_namespace) VALUES ('Alpha!', 'x', 'alpha')",
    "projects_project_id_check",
  ],
  [
    "a project in another project's own namespace",
    "INSERT INTO projects (project_id, name, id_namespace) VALUES ('beta', 'x', 'alpha')",
    "projects_id_namespace_namespace_shared_fkey",
  ],
  ["a lease of no length", `UPDATE projects SET settings = '{"leaseSeconds": 0}'`, "chk_settings_lease"],
  [
    "an artifact type in lower case",
    `UPDATE projects SET settings = '{"artifactTypes": ["us"]}'`,
    "chk_settings_artifact_types",
  ],
  ["a quarantine without its policy", "UPDATE namespaces SET quarantine_seconds = 5", "namespaces_check"],
  [
    "an unknown role",
    "INSERT INTO api_keys (prefix, hash, name, role) VALUES ('dk_1', sha256('x'), 'x', 'root')",
    "api_keys_role_check",
  ],
  [
    "a session without an end",
    "INSERT INTO api_keys (kind, prefix, hash, name, role) VALUES ('session', 'dk_1', sha256('x'), 'x', 'agent')",
    "api_keys_check",
  ],
])("refuses %s", async (_what, statement, constraint) => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await expect(t.owner.query(statement)).rejects.toMatchObject({ constraint });
});

it("fills in what a plain INSERT of a task's first columns leaves out", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 0);
  await t.owner.query(`INSERT INTO tasks (task_id, project_id, description, generator_name, status, inputs, expected_outputs,
    context_notes, completion_notes) VALUES ('TASK-051', 'alpha', 'Generate PRD-006', 'prd-generator', 'completed',
    '["EPIC-006"]', '["PRD-006"]', 'New session CX required', 'ok')`);
  const { rows } = await t.owner.query("SELECT * FROM tasks");
  expect(rows[0]).toMatchObject({ priority: 2, kind: "task", version: 1, attempts: 0 });
  expect(rows[0].completed_at).toBeInstanceOf(Date);
});

it("keeps the stamps of a task in step with a status that plain SQL changes", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await t.owner.query("UPDATE tasks SET status = 'in_progress', claimed_by = 'anna'");
  await t.owner.query("UPDATE tasks SET status = 'completed'");
  const { rows } = await t.owner.query(
    "SELECT lease_expires_at, claimed_by, completed_at IS NOT NULL AS stamped FROM tasks",
  );
  expect(rows[0]).toEqual({ lease_expires_at: null, claimed_by: null, stamped: true });
});

it("gives the application's role no right to delete, to change the clock or to make tables", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  for (const statement of [
    "DELETE FROM tasks",
    "TRUNCATE tasks",
    "INSERT INTO clock_offset (moved_by) VALUES ('1 hour')",
    "CREATE TABLE mine (x int)",
    "ALTER TABLE tasks DISABLE TRIGGER ALL",
  ])
    await expect(t.database.write(statement)).rejects.toMatchObject({ code: "42501" });
});

it("gives every attempt a secret of its own: those of before the migration, and those of a plain INSERT", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 50);
  await t.owner.query(`INSERT INTO task_attempts (project_id, task_id, attempt, actor, lease_expires_at, ended_at, outcome)
    SELECT project_id, task_id, 1, 'a', now(), now(), 'superseded' FROM tasks`);
  const secrets = async () => (await t.owner.query("SELECT DISTINCT secret FROM task_attempts")).rowCount;
  expect(await secrets()).toBe(50);
  for (const step of ["down", "migration"])
    await t.owner.query(readFileSync(`prisma/migrations/20261126000010_attempt_secret/${step}.sql`, "utf8"));
  expect(await secrets()).toBe(50);
  const { rows } = await t.owner.query("SELECT DISTINCT outcome FROM task_attempts");
  expect(rows).toEqual([{ outcome: "released" }]);
});
