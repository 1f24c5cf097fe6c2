import type { EnumRef, FieldRef, InputFieldRef } from "@pothos/core";
import type { Choice, Choices, Field, Noun, Settable } from "../src/db/noun.ts";
import type { builder } from "./builder.ts";

type Types = typeof builder.$inferSchemaTypes;
/** The enum of each choice: of all its values, and no other. */
type Enums<Fields, Name extends keyof Fields = Choices<Fields>> = {
  readonly [Field in Name]: EnumRef<Types, Choice<Fields[Field]>>;
};
type AnyEnums = Readonly<Record<string, EnumRef<Types, string>>>;
type ObjectFields<Row> = PothosSchemaTypes.ObjectFieldBuilder<Types, Row>;
type InputFields = Pick<PothosSchemaTypes.InputFieldBuilder<Types, "InputObject">, "field">;

/**
 * The fields of an object type, as its noun describes them; for `builder.objectFields`.
 * @param enums of its choices.
 */
export function shownFields<Row extends object, Fields>(
  t: ObjectFields<Row>,
  { fields }: Noun<Row, Fields>,
  enums: Enums<Fields>,
): Record<string, FieldRef<Types>> {
  const shown = fields.filter((field) => field.shown !== "nowhere");
  return Object.fromEntries(shown.map((field) => [field.name, shownField(t, field, enums)]));
}

function shownField<Row extends object>(t: ObjectFields<Row>, field: Field, enums: AnyEnums): FieldRef<Types> {
  const { description, nullable, limit } = field;
  const type = typeOf(field, enums);
  // What a column holds fits the type that schema.prisma gives it: the compiler cannot follow that through a name.
  const resolve = (row: Row) => shownValue(row, field) as never;
  return isList(field)
    ? t.field({ type: [type], nullable: limit === true, description, resolve })
    : t.field({ type, nullable, description, resolve });
}

/** The fields of an input with which a caller gives what it may at that time. */
export function givenFields<Row, Fields, Time extends "create" | "update">(
  t: InputFields,
  { fields, settable }: Noun<Row, Fields>,
  when: Time,
  enums: Enums<Fields, Choices<Fields> & Settable<Fields, Time>>,
): { [Name in Settable<Fields, Time>]: InputFieldRef<Types, unknown> } {
  const names = new Set<string>(settable(when));
  const given = fields.filter(({ name }) => names.has(name));
  // The names were taken from the description at run time.
  return Object.fromEntries(given.map((field) => [field.name, givenField(t, field, enums)])) as never;
}

function givenField(t: InputFields, field: Field, enums: AnyEnums): InputFieldRef<Types, unknown> {
  const { description } = field;
  const type = typeOf(field, enums);
  return isList(field) ? t.field({ type: [type], description }) : t.field({ type, description });
}

const isList = ({ list, names }: Field) => list || names === true;

type Scalar = "Date" | "String" | "Int" | "Float" | "SafeInt" | "Boolean" | "DateTime" | "JSON";

/** How each type of schema.prisma is shown. */
const SCALARS: Readonly<Record<string, Scalar>> = {
  String: "String",
  Int: "Int",
  BigInt: "SafeInt",
  Float: "Float",
  Decimal: "Float",
  Boolean: "Boolean",
  DateTime: "DateTime",
  Json: "JSON",
};

function typeOf({ choice, day, name, names, shown, type }: Field, enums: AnyEnums) {
  if (shown === "ID") return "ID";
  if (day) return "Date";
  if (names) return "String";
  const found = choice ? enums[name] : SCALARS[type];
  if (found === undefined) throw new Error(`The field ${name} of the type ${type} cannot be shown`);
  return found;
}

function shownValue(row: object, { name, names, long, limit, type }: Field): unknown {
  const value: unknown = Reflect.get(row, name);
  if (long && value === undefined) throw new Error(`${name} was not read`);
  if (limit) return Array.isArray(value) && value.length > 0 ? value : null;
  // Prisma gives an object or a bigint, a statement a number or a text.
  if ((type === "BigInt" || type === "Decimal") && value != null) return Number(value);
  // The list may be absent, or hold more than texts in a row written by plain SQL.
  return names ? (Array.isArray(value) ? value.map(String) : []) : value;
}
