import { globSync } from "node:fs";
import { cp, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { migrate, migrateDown } from "../../src/db/migrate.ts";
import { createEmptyDatabase } from "../support/database.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const OF_REMINDERS = ["20261128000800_reminders", "20261128000801_raised_priorities"];
const OF_RECURRENCE = ["20261128000820_recurrence"];
const OF_CHANGES = [
  ...["20261128000870_templates_are_no_work", "20261128000871_owed_occurrences"],
  ...["20261128000872_occurrences_in_other_zones", "20261128000873_priorities_raised_once"],
  "20261128000874_readable_recurrences",
];

/** A database with the migrations up to the last of these, of which those can be undone and come again. */
async function databaseWith(names: readonly string[]) {
  const { ownerUrl, url: loginUrl, drop } = await createEmptyDatabase();
  onTestFinished(drop);
  // What came later is not undone before.
  const migrationsFolder = await makeTemporaryFolder("migrations");
  onTestFinished(() => rm(migrationsFolder, { recursive: true }));
  const until = names.at(-1) ?? "";
  for (const folder of globSync("prisma/migrations/*/migration.sql").map(dirname))
    if (basename(folder) <= until) await cp(folder, join(migrationsFolder, basename(folder)), { recursive: true });
  const up = () => migrate({ ownerUrl, loginUrl, migrationsFolder });
  await up();
  const owner = await connect(ownerUrl, "docket test owner");
  onTestFinished(() => owner.end());
  const down = async () => {
    for (const name of names.toReversed())
      expect(await migrateDown({ ownerUrl, migrationsFolder })).toEqual({ undone: [name] });
  };
  const tasks = async (upTo = "TASK-999") => {
    const { rows } = await owner.query("SELECT to_jsonb(t) AS task FROM tasks t WHERE task_id <= $1 ORDER BY task_id", [
      upTo,
    ]);
    return rows.map(({ task }) => task);
  };
  await down();
  await owner.query(`INSERT INTO namespaces (namespace, shared) VALUES ('alpha', false);
    INSERT INTO projects (project_id, name, id_namespace) VALUES ('alpha', 'Alpha', 'alpha')`);
  return { owner, up, down, tasks };
}

it("leaves every task as it was when the migrations of reminders are undone, also filled, and takes reminders again", async () => {
  const { owner, up, down, tasks } = await databaseWith(OF_REMINDERS);
  await owner.query(`INSERT INTO tasks (project_id, task_id, description, due_date)
    VALUES ('alpha', 'TASK-001', 'a', '2999-01-01'), ('alpha', 'TASK-002', 'b', NULL)`);
  const before = await tasks();
  for (let round = 0; round < 2; round++) {
    await up();
    await owner.query("UPDATE tasks SET reminder_offset = '1 hour' WHERE due_date IS NOT NULL");
    const { rows } = await owner.query("SELECT task_id, status FROM reminder_schedule");
    expect(rows).toEqual([{ task_id: "TASK-001", status: "pending" }]);
    await down();
    expect(await tasks()).toEqual(before);
  }
});

it("leaves every task as it was when recurrence is undone, also filled, and takes it again", async () => {
  const { owner, up, down, tasks } = await databaseWith(OF_RECURRENCE);
  await owner.query(
    `INSERT INTO tasks (project_id, task_id, description, due_date, is_template)
     SELECT 'alpha', 'TASK-' || n, 'work', '2027-01-01T09:00:00Z', n = 103 FROM generate_series(101, 103) n`,
  );
  const earlier = await tasks();
  await up();
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

  await down();
  expect(await tasks("TASK-103")).toEqual(earlier);
  // Instances stay as plain tasks; a template, which an older version would hand out, is deleted and may be restored as one.
  const made = await owner.query(
    "SELECT task_id, is_template, deleted_at IS NOT NULL AS deleted FROM tasks WHERE task_id > 'TASK-103' ORDER BY task_id",
  );
  expect(made.rows).toEqual([
    { task_id: "TASK-104", is_template: false, deleted: true },
    { task_id: "TASK-105", is_template: false, deleted: false },
  ]);
  await up();
  await owner.query(recurring, ["TASK-107"]);
  expect((await owner.query("SELECT task_id FROM recurrences")).rows).toEqual([{ task_id: "TASK-107" }]);
});

it("leaves every task as it was when what keeps occurrences through changes is undone, also filled, and comes again", async () => {
  const { owner, up, down, tasks } = await databaseWith(OF_CHANGES);
  await owner.query(`INSERT INTO tasks (project_id, task_id, description, due_date, recurrence_pattern)
      VALUES ('alpha', 'TASK-001', 'a', docket_now() - interval '9 days', 'daily');
    INSERT INTO tasks (project_id, task_id, description, due_date, parent_recurring_task_id, occurrence_date, priority_raised_for)
      VALUES ('alpha', 'TASK-002', 'a', '2999-01-01', 'TASK-001', '2999-01-01', '2999-01-01')`);
  const before = await tasks();
  for (let round = 0; round < 2; round++) {
    await up();
    expect((await owner.query("SELECT priority_raised_for_all FROM tasks WHERE task_id = 'TASK-002'")).rows).toEqual([
      { priority_raised_for_all: [new Date("2999-01-01T00:00:00Z")] },
    ]);
    await owner.query(`INSERT INTO tasks (project_id, task_id, description, parent_recurring_task_id, occurrence_date, occurs_at, repeats_date)
        VALUES ('alpha', 'TASK-8${round}0', 'a', 'TASK-001', '2999-01-01', '2999-01-02', true);
      INSERT INTO tasks (project_id, task_id, description, due_date, recurrence_pattern)
        VALUES ('alpha', 'TASK-9${round}0', 'a', docket_now() - interval '9 days', 'daily');
      UPDATE tasks SET recurrence_paused_at = docket_now() WHERE task_id = 'TASK-9${round}0'`);
    const { rows } = await owner.query("SELECT jsonb_array_length(owed) AS owed FROM recurrences WHERE task_id = $1", [
      `TASK-9${round}0`,
    ]);
    expect(rows).toEqual([{ owed: 1 }]);
    await down();
    expect(await tasks("TASK-799")).toEqual(before);
    // The second one of its date stays as a task of its own.
    const { rows: own } = await owner.query(
      "SELECT parent_recurring_task_id, occurrence_date FROM tasks WHERE task_id = $1",
      [`TASK-8${round}0`],
    );
    expect(own).toEqual([{ parent_recurring_task_id: null, occurrence_date: null }]);
  }
});
