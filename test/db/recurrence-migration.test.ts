import { globSync } from "node:fs";
import { cp, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { migrate, migrateDown } from "../../src/db/migrate.ts";
import { createEmptyDatabase } from "../support/database.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const folders = globSync("prisma/migrations/*/migration.sql").map(dirname).sort();
const RECURRENCE = "20261128000820_recurrence";

it("takes recurrence back in a moment, leaves every earlier task as it was, and lets it come again", async () => {
  const { ownerUrl, url: loginUrl, drop } = await createEmptyDatabase();
  onTestFinished(drop);
  const migrationsFolder = await makeTemporaryFolder("migrations");
  onTestFinished(() => rm(migrationsFolder, { recursive: true }));
  const before = folders.filter((folder) => basename(folder) < RECURRENCE);
  for (const folder of before) await cp(folder, join(migrationsFolder, basename(folder)), { recursive: true });
  await migrate({ ownerUrl, loginUrl, migrationsFolder });
  const owner = await connect(ownerUrl, "docket test owner");
  onTestFinished(() => owner.end());
  await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ('alpha', false)");
  await owner.query("INSERT INTO projects (project_id, name, id_namespace) VALUES ('alpha', 'Alpha', 'alpha')");
  await owner.query(
    `INSERT INTO tasks (project_id, task_id, description, due_date, is_template)
     SELECT 'alpha', 'TASK-' || n, 'work', '2027-01-01T09:00:00Z', n = 103 FROM generate_series(101, 103) n`,
  );
  const read = async () =>
    (await owner.query("SELECT to_jsonb(t) AS task FROM tasks t WHERE task_id <= 'TASK-103' ORDER BY task_id")).rows;
  const earlier = await read();

  await cp(join("prisma/migrations", RECURRENCE), join(migrationsFolder, RECURRENCE), { recursive: true });
  await migrate({ ownerUrl, loginUrl, migrationsFolder });
  const recurring = `INSERT INTO tasks (project_id, task_id, description, due_date, recurrence_pattern)
    VALUES ('alpha', $1, 'stand-up', '2027-01-01T09:00:00Z', 'daily')`;
  const instance = `INSERT INTO tasks (project_id, task_id, description, parent_recurring_task_id, occurrence_date)
    VALUES ('alpha', $1, 'stand-up', 'TASK-104', '2027-01-01')`;
  await owner.query(recurring, ["TASK-104"]);
  expect(
    (await owner.query("SELECT is_template, recurrence_time_zone, catch_up FROM tasks WHERE task_id = 'TASK-104'"))
      .rows,
  ).toEqual([{ is_template: true, recurrence_time_zone: "UTC", catch_up: "one" }]);
  expect((await owner.query("SELECT next_at <= docket_now() AS due FROM recurrences")).rows).toEqual([{ due: true }]);
  await owner.query(instance, ["TASK-105"]);
  await expect(owner.query(instance, ["TASK-106"])).rejects.toMatchObject({ constraint: "uniq_recurring_instance" });
  await expect(owner.query("UPDATE tasks SET due_date = NULL WHERE task_id = 'TASK-104'")).rejects.toMatchObject({
    constraint: "chk_recurrence_requires_due_date",
  });

  await migrateDown({ ownerUrl, migrationsFolder });
  expect(await read()).toEqual(earlier);
  // Instances stay as plain tasks; a template, which an older version would hand out, is deleted and may be restored as one.
  const made = await owner.query(
    "SELECT task_id, is_template, deleted_at IS NOT NULL AS deleted FROM tasks WHERE task_id > 'TASK-103' ORDER BY task_id",
  );
  expect(made.rows).toEqual([
    { task_id: "TASK-104", is_template: false, deleted: true },
    { task_id: "TASK-105", is_template: false, deleted: false },
  ]);
  await migrate({ ownerUrl, loginUrl, migrationsFolder });
  await owner.query(recurring, ["TASK-107"]);
  expect((await owner.query("SELECT task_id FROM recurrences")).rows).toEqual([{ task_id: "TASK-107" }]);
});
