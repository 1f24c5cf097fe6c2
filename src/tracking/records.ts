import * as z from "zod";
import type { Context } from "../access/viewer.ts";
import { requireProjects } from "../access/visibility.ts";
import { changingFields } from "../db/change-fields.ts";
import type { Db } from "../db/database.ts";
import type { Noun } from "../db/noun.ts";
import { badInput, versionConflict } from "../errors.ts";
import type { Changes } from "../log/write/changes.ts";
import { faultsOf, SENTENCE } from "../tasks/field-faults.ts";

/** A Git commit in full. @param called the field, as the tools call it. */
export const fullCommit = (called: string) =>
  z.string().refine((given) => /^[0-9a-f]{40}$/.test(given), {
    error: `${called} must be 40 lowercase hex characters`,
    ...SENTENCE,
  });

/** What a verb acts on that adds to a project. @throws PROJECT_NOT_FOUND */
export const existingProject = (ctx: Context, { projectId }: { readonly projectId: string }) =>
  requireProjects(ctx, [projectId]);

/** What fits. @throws BAD_USER_INPUT naming every field that does not. */
export function fitting<Values>({ data, error }: z.ZodSafeParseResult<Values>): Values {
  if (error) throw badInput(faultsOf(error).join("; "));
  return data;
}

/**
 * Adds a row. @returns it as events carry it; undefined where one like it is there already.
 */
export async function insertRow<Row, Fields>(
  db: Db,
  noun: Noun<Row, Fields>,
  table: string,
  values: { readonly [Name in keyof Row]?: unknown },
): Promise<Readonly<Record<string, unknown>> | undefined> {
  // What is left out gets the default of its column.
  const record = Object.fromEntries(Object.entries(noun.record(values)).filter(([, value]) => value != null));
  const columns = Object.keys(record);
  const [inserted] = await db.write<{ document: Readonly<Record<string, unknown>> }>(
    `INSERT INTO ${table} AS r (${columns.join(", ")}) SELECT ${columns.map((column) => `g.${column}`).join(", ")}
     FROM jsonb_populate_record(NULL::${table}, $1::jsonb) g ON CONFLICT DO NOTHING RETURNING ${noun.document("r")} AS document`,
    [record],
  );
  return inserted?.document;
}

/** @throws VERSION_CONFLICT naming what it is of. */
export function requireVersion(subject: string, current: number, expected: number | null | undefined): void {
  if (expected != null && expected !== current) throw versionConflict(expected, current, subject);
}

interface Place {
  readonly table: string;
  /** The columns of its key, with their values. */
  readonly key: Readonly<Record<string, string>>;
}

/**
 * Writes what differs into a row that is locked.
 * @param by SQL column that says who changed it last, and the value for it.
 * @returns what it changed; undefined where nothing differs.
 */
export async function changeRow<Row, Fields>(
  db: Db,
  noun: Noun<Row, Fields>,
  { table, key }: Place,
  data: { readonly [Name in keyof Row]?: unknown },
  by?: { readonly column: string; readonly value: string },
): Promise<Changes | undefined> {
  const fields = noun.settable("update").filter((field) => field in data);
  if (fields.length === 0) return undefined;
  const columns = Object.keys(key);
  const also = by && `${by.column} = $${columns.length + 2}`;
  const statement = changingFields(noun, { table, key: columns, ...(also && { also }) }, fields);
  const values = [...Object.values(key), noun.record(data), ...(by ? [by.value] : [])];
  const [written] = await db.write<{ changes: Changes }>(statement, values);
  const changes = written?.changes ?? {};
  return Object.keys(changes).length > 0 ? changes : undefined;
}
