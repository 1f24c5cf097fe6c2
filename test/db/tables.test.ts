import { globSync, readFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import "../../schema/index.ts";
import { FIELDS_OF_NOUNS } from "../../src/db/noun.ts";
import { takeDatabase } from "../support/kept-database.ts";
import { TABLE_OF } from "../support/models.ts";

/** Tables without a model, and why. */
const NO_MODEL = {
  _prisma_migrations: "the migrations' own",
  clock_offset: "moves the clock of tests",
  deployment_tasks: "a reader asks for the tasks at their ends",
  deployment_vendors: "a reader asks for the vendors at their ends",
  event_inbox: "events before the drain takes them",
  events: "one prepared statement reads them for everybody",
  id_lane: "only ever locked",
  id_registry: "Prisma cannot read a multirange",
  id_reservations: "Prisma cannot read a multirange",
  idempotency_keys: "written and read in one statement of every verb",
  inbox_floor: "the drain's own",
  log_floor: "the log's own",
  log_head: "the log's own",
  log_readers: "places in the log, which would tell of other projects",
  project_budgets: "shown by the state of its period",
  project_log_floors: "the log's own",
  recurrences: "how far the templates have come: only the sweep reads it",
  task_dependencies: "a reader asks for the tasks at their ends",
  task_usage: "only ever summed up",
  task_texts: "the search's own",
  webhook_attempts: "read with their delivery",
};

/** Models whose fields a noun does not describe: those of a project come from two tables and its settings. */
const NO_NOUN = ["Namespace", "Project"];

let owner: Awaited<ReturnType<typeof takeDatabase>>["owner"];
let tables: string[];
beforeAll(async () => {
  const taken = await takeDatabase();
  ({ owner } = taken);
  const { rows } = await owner.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1`,
  );
  tables = rows.map(({ name }) => name);
  return () => taken.giveBack(true);
});

it("gives every table a model, or a reason to have none", () => {
  expect(tables).toEqual([...TABLE_OF.values(), ...Object.keys(NO_MODEL)].sort());
});

it("describes the fields of every model as a noun", () => {
  expect([...new Set([...FIELDS_OF_NOUNS.keys(), ...NO_NOUN])].sort()).toEqual([...TABLE_OF.keys()].sort());
});

/** What the server's role needs for a statement that names a table after these words. */
const NEEDS: Readonly<Record<string, string>> = {
  "INSERT INTO": "INSERT",
  UPDATE: "UPDATE",
  "DELETE FROM": "DELETE",
  FROM: "SELECT",
  JOIN: "SELECT",
};

it("lets the server's role do with each table what the server's statements do", async () => {
  // These run as the owner.
  const ofOwner = /^src\/(commands|log\/audit|db\/(embedded|migrat))/;
  const code = globSync("src/**/*.ts").filter((file) => !ofOwner.test(file));
  const needed = new Set([...TABLE_OF.values()].map((table) => `SELECT ${table}`));
  for (const file of code) {
    const words = /\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM|FROM|JOIN)\s+([a-z_]+)\b/g;
    for (const [, word = "", table = ""] of readFileSync(file, "utf8").matchAll(words))
      if (tables.includes(table)) needed.add(`${NEEDS[word.replace(/\s+/g, " ")]} ${table}`);
  }
  expect(needed).toContain("DELETE webhooks");
  const { rows } = await owner.query<{ missing: string }>(
    `SELECT needed AS missing FROM unnest($1::text[]) needed, split_part(needed, ' ', 1) what, split_part(needed, ' ', 2) name
     WHERE NOT CASE what WHEN 'DELETE' THEN has_table_privilege('docket_app', name, what)
                         ELSE has_any_column_privilege('docket_app', name, what) END`,
    [[...needed]],
  );
  expect(rows).toEqual([]);
});
