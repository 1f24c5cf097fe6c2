import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import "../../schema/index.ts";
import { FIELDS_OF_NOUNS, type Field } from "../../src/db/noun.ts";
import { ID_REUSES } from "../../src/projects/namespace.ts";
import { TASK } from "../../src/tasks/fields.ts";
import { takeDatabase } from "../support/kept-database.ts";
import { TABLE_OF } from "../support/models.ts";

let owner: Awaited<ReturnType<typeof takeDatabase>>["owner"];
beforeAll(async () => {
  const taken = await takeDatabase();
  ({ owner } = taken);
  await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ('alpha', false)");
  await owner.query("INSERT INTO projects (project_id, name, id_namespace) VALUES ('alpha', 'Alpha', 'alpha')");
  return () => taken.giveBack(true);
});

/** What a column of each of Prisma's types is in PostgreSQL. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  String: ["text", "character varying", "uuid"],
  Int: ["integer", "smallint"],
  BigInt: ["bigint"],
  Float: ["double precision", "real"],
  Decimal: ["numeric"],
  Boolean: ["boolean"],
  DateTime: ["timestamp with time zone"],
  Json: ["jsonb"],
};

/** Columns that are no field: the database's own, and secrets, which the read side never has. */
const NO_FIELD: Readonly<Record<string, readonly string[]>> = {
  tasks: [
    ...["is_template", "occurs_at", "open_blockers", "open_children", "priority_raised_for"],
    ...["priority_raised_for_all", "queue_position", "repeats_date", "unblocked"],
  ],
  task_attempts: ["ended_by", "last_renewed_at", "secret", "stall_told_at"],
  api_keys: ["hash", "issued_by", "kind"],
  webhooks: ["previous_secret", "previous_secret_until", "secret"],
  webhook_deliveries: ["attempts", "position"],
};

interface Column {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly default: string | null;
}

/** Every noun's: what the schema shows has been described by then. */
const described = [...FIELDS_OF_NOUNS].map(([model, fields]) => [TABLE_OF.get(model) ?? model, fields] as const);

describe.each(described)("the fields of %s", (table, fields) => {
  const read = () =>
    owner.query<Column>(
      `SELECT column_name AS name, data_type AS type, is_nullable = 'YES' AS nullable, column_default AS default
       FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1`,
      [table],
    );

  it("are its columns, with the same types and nulls", async () => {
    const { rows } = await read();
    const columns = new Map(rows.map((column) => [column.name, column]));
    expect([...columns.keys()].sort()).toEqual(
      [...fields.map(({ column }) => column), ...(NO_FIELD[table] ?? [])].sort(),
    );
    for (const { name, column, type, list, nullable, day } of fields) {
      const found = columns.get(column);
      expect(list ? ["ARRAY"] : day ? ["date"] : TYPES[type], `${name} as ${type}`).toContain(found?.type);
      expect(found?.nullable, `${name} may be null`).toBe(nullable);
    }
  });

  it.each(fields.flatMap(({ column, choice }) => (choice ? [[column, choice] as const] : [])))(
    "let %s be what its check lets it be",
    async (column, choice) => expect(await checkedValues(table, column)).toEqual([...choice].sort()),
  );

  it("have the same defaults in a row of plain SQL", async () => {
    const { rows } = await read();
    for (const field of fields) {
      const sql = rows.find(({ name }) => name === field.column)?.default;
      if (field.set === "server") continue;
      const inDatabase = sql ? (await owner.query(`SELECT to_jsonb(${sql}) AS value`)).rows[0].value : null;
      // Where no list is stored, an empty one is shown.
      expect(inDatabase, field.name).toEqual(field.names ? null : (field.default ?? null));
    }
  });
});

/** The values that the check of a text's column takes, in order. */
async function checkedValues(table: string, column: string): Promise<string[]> {
  const { rows } = await owner.query<{ check: string }>(
    `SELECT pg_get_constraintdef(c.oid) AS check FROM pg_constraint c
     JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
     WHERE c.contype = 'c' AND c.conrelid = $1::regclass AND a.attname = $2`,
    [table, column],
  );
  return rows.flatMap(({ check }) => [...check.matchAll(/'([^']*)'::/g)].map(([, value = ""]) => value)).sort();
}

it("lets numbers be reused when the domain says", async () => {
  expect(await checkedValues("namespaces", "reuse")).toEqual([...ID_REUSES].sort());
});

const weekly = (days: number) => `weekly:${Array(days).fill("MON").join(",")}`;

/** What has a shape beside its size. */
const SHAPED: Readonly<Record<string, { within: unknown[]; beyond: unknown[] }>> = {
  recurrencePattern: { within: ["daily", weekly(73)], beyond: [weekly(74)] },
  recurrenceTimeZone: { within: ["UTC", "A".repeat(100)], beyond: ["A".repeat(101)] },
};

/** Values at the bounds of what a field takes, and beyond them, as its check says. */
function bounds(field: Field): { within: unknown[]; beyond: unknown[] } {
  if (field.set === "server") return { within: [], beyond: [] };
  const shaped = SHAPED[field.name];
  if (shaped) return shaped;
  const schema = z.toJSONSchema(field.check, { io: "input", unrepresentable: "any" });
  if (schema.enum) return { within: schema.enum, beyond: ["something else"] };
  if (schema.pattern === "^[0-9a-f]{7,64}$")
    return { within: ["a".repeat(7), "0".repeat(64)], beyond: ["a".repeat(6), "a".repeat(65), "ABCDEF0"] };
  const { minimum, maximum, maxLength } = schema;
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (maxLength !== undefined)
    return {
      within: ["x", "x".repeat(maxLength), "🙂".repeat(Math.floor(maxLength / 2))],
      beyond: ["x".repeat(maxLength + 1)],
    };
  return {
    within: [minimum, most].filter((bound) => bound !== undefined),
    beyond: [minimum === undefined ? undefined : minimum - 1, most === undefined ? undefined : most + 1].filter(
      (bound) => bound !== undefined,
    ),
  };
}

/** The database keeps these shorter than it could: rows of plain SQL may be longer. */
const WIDER = new Set(["contextNotes", "branchName"]);

const bounded = TASK.fields.filter((field) => Object.values(bounds(field)).some((values) => values.length > 0));

it("bounds what has a size", () => {
  expect(bounded.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["title", "description", "kind", "priority", "commitHash", "prNumber", "branchName"]),
  );
});

/** What a field does not go without. */
const DUE = { due_date: "2030-01-01T09:00:00Z" };
const BESIDE: Readonly<Record<string, object>> = {
  recurrencePattern: DUE,
  recurrenceTimeZone: { ...DUE, recurrence_pattern: "daily" },
  catchUp: { ...DUE, recurrence_pattern: "daily" },
};

let number = 0;
const store = (field: Field, value: unknown) => {
  const record = { description: "x", ...BESIDE[field.name], [field.column]: value };
  const columns = Object.keys(record);
  return owner.query(
    `INSERT INTO tasks (project_id, task_id, ${columns.join(", ")})
     SELECT 'alpha', $1, ${columns.map((column) => `r.${column}`).join(", ")} FROM jsonb_populate_record(NULL::tasks, $2::jsonb) r`,
    [`TASK-${String(++number).padStart(5, "0")}`, JSON.stringify(record)],
  );
};

it.each(bounded.map((field) => [field.name, field] as const))(
  "bounds %s alike in its check and in the database",
  async (name, field) => {
    if (field.set === "server") throw new Error("a caller cannot give it");
    for (const value of bounds(field).within) {
      expect(z.safeParse(field.check, value).success, `check takes ${value}`).toBe(true);
      await expect(store(field, value), `the database takes ${value}`).resolves.toBeDefined();
    }
    for (const value of bounds(field).beyond) {
      expect(z.safeParse(field.check, value).success, `check takes ${value}`).toBe(false);
      if (!WIDER.has(name)) await expect(store(field, value), `the database takes ${value}`).rejects.toThrow();
    }
  },
);
