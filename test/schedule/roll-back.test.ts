import { globSync } from "node:fs";
import { cp, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { migrate, migrateDown } from "../../src/db/migrate.ts";
import { createEmptyDatabase } from "../support/database.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const OF_REMINDERS = ["20261128000800_reminders", "20261128000801_raised_priorities"];

it("leaves every task as it was when the migrations of reminders are undone, also filled, and takes reminders again", async () => {
  const { ownerUrl, url: loginUrl, drop } = await createEmptyDatabase();
  onTestFinished(drop);
  // What came later is not undone before.
  const migrationsFolder = await makeTemporaryFolder("migrations");
  onTestFinished(() => rm(migrationsFolder, { recursive: true }));
  const until = OF_REMINDERS.at(-1) ?? "";
  for (const folder of globSync("prisma/migrations/*/migration.sql").map(dirname))
    if (basename(folder) <= until) await cp(folder, join(migrationsFolder, basename(folder)), { recursive: true });
  await migrate({ ownerUrl, loginUrl, migrationsFolder });
  const owner = await connect(ownerUrl, "docket test owner");
  onTestFinished(() => owner.end());
  const down = async () => {
    for (const name of OF_REMINDERS.toReversed())
      expect(await migrateDown({ ownerUrl, migrationsFolder })).toEqual({ undone: [name] });
  };
  const tasks = async () => {
    const { rows } = await owner.query("SELECT to_jsonb(t) AS task FROM tasks t ORDER BY task_id");
    return rows.map(({ task }) => task);
  };
  await down();
  await owner.query(`INSERT INTO namespaces (namespace, shared) VALUES ('alpha', false);
    INSERT INTO projects (project_id, name, id_namespace) VALUES ('alpha', 'Alpha', 'alpha');
    INSERT INTO tasks (project_id, task_id, description, due_date) VALUES ('alpha', 'TASK-001', 'a', '2999-01-01'), ('alpha', 'TASK-002', 'b', NULL)`);
  const before = await tasks();
  for (let round = 0; round < 2; round++) {
    await migrate({ ownerUrl, loginUrl, migrationsFolder });
    await owner.query("UPDATE tasks SET reminder_offset = '1 hour' WHERE due_date IS NOT NULL");
    const { rows } = await owner.query("SELECT task_id, status FROM reminder_schedule");
    expect(rows).toEqual([{ task_id: "TASK-001", status: "pending" }]);
    await down();
    expect(await tasks()).toEqual(before);
  }
});
