import type { Noun } from "./noun.ts";

/** Where a noun lies: its table, and the columns of its key. */
interface Place {
  readonly table: string;
  readonly key: readonly string[];
  /** SQL for the SET list beside the fields: who changed it. It may use parameters behind the values. */
  readonly also?: string;
}

/**
 * The statement that writes other values for some fields of a locked row, where they differ, and tells what did: only
 * these fields are rendered, as its texts may be long. Its parameters are the key ($1 and on), then the values as JSON
 * under the names of their columns.
 * @param derived fields that a trigger may change with them.
 */
export function changingFields<Row, Fields>(
  noun: Noun<Row, Fields>,
  { table, key, also }: Place,
  fields: readonly (keyof Fields)[],
  derived: readonly (keyof Fields)[] = [],
): string {
  const document = (row: string) => (derived.length > 0 ? noun.document(row, derived) : "'{}'::jsonb");
  const columns = fields.map((field) => noun.columnOf(field));
  const found = key.map((column, i) => `r.${column} = $${i + 1}`).join(" AND ");
  return `WITH wanted AS (
  SELECT ${columns.map((column) => `n.${column}`).join(", ")},
    changes_between(${noun.document("r", fields)}, ${noun.document("n", fields)}) AS changes, ${document("r")} AS derived
  FROM ${table} r CROSS JOIN jsonb_populate_record(NULL::${table}, $${key.length + 1}::jsonb) n WHERE ${found}
), written AS (
  UPDATE ${table} r SET version = r.version + 1, updated_at = docket_now()${also ? `, ${also}` : ""},
    (${columns.join(", ")}) = (SELECT ${columns.join(", ")} FROM wanted)
  FROM wanted w WHERE ${found} AND w.changes <> '{}' RETURNING changes_between(w.derived, ${document("r")}) AS derived
)
SELECT w.changes || coalesce(d.derived, '{}') AS changes FROM wanted w LEFT JOIN written d ON true`;
}
