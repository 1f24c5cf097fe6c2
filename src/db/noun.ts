import * as z from "zod";
import type { Prisma } from "../../prisma/generated/client/client.ts";
import type PrismaTypes from "../../prisma/generated/pothos.ts";
import { getDatamodel } from "../../prisma/generated/pothos.ts";
import { type Columns, columnsOf } from "./columns.ts";

/**
 * A noun's fields, described once: schema.prisma says name, type and null, the description who sets them, what fits and
 * what they mean. Statements, checks, the JSON document of events and the GraphQL fields follow from both.
 */
interface Described {
  /** For someone in GraphiQL: what it is and its units. */
  readonly description: string;
  /** Where the column is not the name in snake case. */
  readonly column?: string;
  /** It may be so long that it is read only where somebody asks for it. */
  readonly long?: true;
  /** A text, one of these: lower case in the database, upper case in GraphQL and in events. */
  readonly choice?: readonly string[];
  /** A jsonb column that holds a list of names; where it is null, an empty one is shown. */
  readonly names?: true;
  /** A date without a time: a Date at its midnight UTC, in a column of the type date. */
  readonly day?: true;
  /** A list that limits nothing where it is null. Prisma reads null as an empty list, which a check keeps out of the column. */
  readonly limit?: true;
  readonly shown?: "ID" | "nowhere";
}

/** What a field can hold; schema/noun.ts knows how GraphQL shows each. Of bytes it would have to be said first. */
type Holdable = string | number | boolean | bigint | Date | Prisma.Decimal | readonly string[] | Prisma.JsonValue;

/** How a caller gives it. Wide and exact numbers are numbers in JSON, in GraphQL as in events: what counts to 2^53 or 15 digits fits. */
type Written<Value> = Value extends bigint | Prisma.Decimal ? number : Value;

interface OfServer extends Described {
  readonly set: "server";
}

interface OfCaller<Value> extends Described {
  /** When a caller may give it. */
  readonly set: "create" | "update" | "both";
  /** What fits, where something is given. */
  readonly check: z.core.$ZodType<Prisma.JsonObject extends Value ? unknown : NonNullable<Written<Value>>>;
  /** When nothing is given; without one it is null, or has to be given. */
  readonly default?: Readonly<NonNullable<Written<Value>>>;
}

/** What fits is one of them. */
interface OfCallersChoice extends Described {
  readonly set: "create" | "update" | "both";
  readonly choice: readonly string[];
  readonly default?: string;
  readonly check?: never;
}

type Said = OfServer | OfCaller<unknown> | OfCallersChoice;

/** A field that is missing here, or that the model does not have, does not compile. */
export type FieldsOf<Row> = {
  readonly [Name in keyof Row]: Row[Name] extends Holdable
    ? OfServer | OfCaller<Row[Name]> | OfCallersChoice
    : OfServer & { readonly shown: "nowhere" };
};

type When = "create" | "update";
type Having<Fields, What> = {
  [Name in keyof Fields]: Fields[Name] extends What ? Name : never;
}[keyof Fields] &
  string;
/** The fields that a caller may give then. */
export type Settable<Fields, Time extends When> = Having<Fields, { readonly set: Time | "both" }>;
export type Long<Fields> = Having<Fields, { readonly long: true }>;
export type Choices<Fields> = Having<Fields, { readonly choice: readonly string[] }>;
/** What a field with a choice can be. */
export type Choice<Field> = Field extends { readonly choice: readonly (infer Value extends string)[] } ? Value : never;
/** What a caller gave, before it is checked. */
export type Given<Fields, Time extends When> = { readonly [Name in Settable<Fields, Time>]?: unknown };

/** A field with what schema.prisma says of it. */
export type Field = (OfServer | OfCaller<unknown>) & {
  readonly name: string;
  readonly column: string;
  readonly type: string;
  readonly list: boolean;
  readonly nullable: boolean;
};

/** `Row` is the row as Prisma gives it, which is how every statement gives it. */
export interface Noun<Row, Fields> extends Columns<Long<Fields>> {
  readonly fields: readonly Field[];
  /** Of all its fields. */
  readonly names: readonly (keyof Fields & string)[];
  columnOf(field: keyof Fields): string;
  /** For a SELECT: these fields alone; a row's others are undefined. */
  selectOnly(fields: readonly (keyof Fields)[]): string;
  /** SQL: the row `alias`, or these fields of it, as events carry it, under the names of the GraphQL API. */
  document(alias: string, only?: readonly (keyof Fields)[]): string;
  /** The fields that a caller may give then. */
  settable<Time extends When>(when: Time): Settable<Fields, Time>[];
  /** Checks what a caller gave. null empties what may be empty; what is left out stays away. */
  check<Time extends When>(when: Time, given: Given<Fields, Time>): z.ZodSafeParseResult<Checked<Row, Fields, Time>>;
  /** What was given for a new row, with every default. */
  filled(given: Checked<Row, Fields, "create">): Filled<Row, Fields>;
  /** The same values under the names of their columns, for jsonb_populate_record. */
  record(values: { readonly [Name in keyof Row]?: unknown }): Readonly<Record<string, unknown>>;
}

type Checked<Row, Fields, Time extends When> = { [Name in Settable<Fields, Time> & keyof Row]?: Written<Row[Name]> };
export type Filled<Row, Fields> = { [Name in Settable<Fields, "create"> & keyof Row]: Written<Row[Name]> };

const MODELS = getDatamodel().datamodel.models;

/** The fields of each noun that has been described, by the name of its model. */
export const FIELDS_OF_NOUNS = new Map<string, readonly Field[]>();

/** PostgreSQL takes at most 100 arguments of a function. */
const MOST_PAIRS = 50;

/** @param alias of the table in statements. */
export function noun<Model extends keyof PrismaTypes, const Fields extends FieldsOf<PrismaTypes[Model]["Shape"]>>(
  model: Model,
  alias: string,
  described: Fields,
): Noun<PrismaTypes[Model]["Shape"], Fields> {
  const fields = Object.entries<Said>(described).map(([name, field]) => ofModel(model, name, field));
  FIELDS_OF_NOUNS.set(model, fields);
  const columns = Object.fromEntries(fields.map(({ name, column }) => [name, column]));
  const long = fields.filter(({ long }) => long).map(({ name }) => name);
  const settable = (when: When) => fields.filter(({ set }) => set === when || set === "both");
  const checks = { create: shapeOf(settable("create")), update: shapeOf(settable("update")) };
  const columnOf = (field: string) => columns[field] ?? field;
  const made = {
    ...columnsOf(alias, columns, long),
    fields,
    names: fields.map(({ name }) => name),
    columnOf,
    selectOnly: (only: readonly string[]) =>
      fields.flatMap(({ name, column }) => (only.includes(name) ? [`${alias}.${column} AS "${name}"`] : [])).join(", "),
    settable: (when: When) => settable(when).map(({ name }) => name),
    check: (when: When, given: object) => checks[when].safeParse(given),
    document: (row: string, only?: readonly string[]) =>
      documentOf(only ? fields.filter(({ name }) => only.includes(name)) : fields, row),
    filled: (given: Readonly<Record<string, unknown>>) =>
      Object.fromEntries(settable("create").map((field) => [field.name, given[field.name] ?? defaultOf(field)])),
    record: (values: object) =>
      Object.fromEntries(Object.entries(values).map(([name, value]) => [columnOf(name), value])),
  };
  // The names were taken from the description at run time: the compiler cannot follow that.
  return made as unknown as Noun<PrismaTypes[Model]["Shape"], Fields>;
}

function ofModel(model: string, name: string, said: Said): Field {
  const found = MODELS[model]?.fields.find((one) => one.name === name);
  if (!found) throw new Error(`schema.prisma has no ${model}.${name}`);
  const { type, isList: list, isRequired } = found;
  const field = said.set !== "server" && said.check === undefined ? { ...said, check: z.enum(said.choice) } : said;
  return {
    column: name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    ...field,
    name,
    type,
    list,
    nullable: !isRequired || field.limit === true,
  };
}

const defaultOf = (field: Field) => ("default" in field ? (field.default ?? null) : null);

const shapeOf = (fields: readonly Field[]) =>
  z.object(
    Object.fromEntries(
      fields.flatMap((field) => {
        if (field.set === "server") return [];
        return [[field.name, field.nullable ? z.nullish(field.check) : z.optional(field.check)]];
      }),
    ),
  );

function documentOf(fields: readonly Field[], row: string): string {
  const pairs = fields
    .filter(({ shown }) => shown !== "nowhere")
    .map(({ name, column, choice, names }) => {
      const value = `${row}.${column}`;
      return `'${name}', ${choice ? `upper(${value})` : names ? `coalesce(${value}, '[]')` : value}`;
    });
  const parts = Array.from({ length: Math.ceil(pairs.length / MOST_PAIRS) }, (_, i) =>
    pairs.slice(i * MOST_PAIRS, (i + 1) * MOST_PAIRS),
  );
  return parts.map((part) => `jsonb_build_object(${part.join(", ")})`).join(" || ");
}
