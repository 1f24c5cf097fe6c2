import { expect, it } from "vitest";
import * as z from "zod";
import { Prisma } from "../../prisma/generated/client/client.ts";
import { givenFields, shownFields } from "../../schema/noun.ts";
import { type Field, type FieldsOf, noun } from "../../src/db/noun.ts";

const NAMESPACE = noun("Namespace", "n", {
  namespace: { set: "server", shown: "ID", description: "Its name." },
  shared: { set: "both", check: z.boolean(), description: "Whether projects share it." },
  reuse: { set: "server", description: "When numbers are given again." },
  quarantineSeconds: { set: "server", description: "How long they rest." },
});

/** One field of each type of schema.prisma, with what Prisma and what a statement give of it. */
const HELD: Readonly<Record<string, unknown>> = {
  String: "a text",
  Int: 7,
  BigInt: 9_007_199_254_740_991n,
  Float: 0.5,
  Decimal: new Prisma.Decimal("12.34"),
  Boolean: false,
  DateTime: new Date("2026-03-01T09:00:00Z"),
  Json: { a: 1 },
};
const about = { description: "What it holds.", list: false, nullable: true, set: "server" } as const;
const fields = Object.keys(HELD).map((type): Field => ({ ...about, name: type, column: type, type }));

/** What the builder is told of a field, instead of the field that it makes. */
const told = <Options extends object>(options: Options) => options;
interface Told {
  readonly type: unknown;
  readonly resolve: (row: object) => unknown;
}

it("shows a field of every type that a model can have", () => {
  const shown: object = shownFields({ field: told } as never, { ...NAMESPACE, fields }, {});
  const valuesOf = (row: object) => mapped(shown, ({ resolve }) => resolve(row));
  expect(mapped(shown, ({ type }) => type)).toEqual({
    String: "String",
    Int: "Int",
    BigInt: "SafeInt",
    Float: "Float",
    Decimal: "Float",
    Boolean: "Boolean",
    DateTime: "DateTime",
    Json: "JSON",
  });
  const answered = { ...HELD, BigInt: 9_007_199_254_740_991, Decimal: 12.34 };
  expect(valuesOf(HELD)).toEqual(answered);
  expect(valuesOf({ ...HELD, BigInt: 7, Decimal: "12.34" })).toEqual({ ...answered, BigInt: 7 });
  const empty = mapped(shown, () => null);
  expect(valuesOf(empty)).toEqual(empty);
});

it("takes what is no text, too", () => {
  expect(givenFields({ field: told } as never, NAMESPACE, "create", {})).toEqual({
    shared: { type: "Boolean", description: "Whether projects share it." },
  });
});

function mapped(shown: object, what: (field: Told) => unknown): object {
  return Object.fromEntries(Object.entries<Told>(Object(shown)).map(([name, field]) => [name, what(field)]));
}

it("does not compile with what cannot be shown, or a check of another type", () => {
  interface Row {
    readonly bytes: Uint8Array;
    readonly cost: Prisma.Decimal;
    readonly shared: boolean;
  }
  const bytes = { set: "server", shown: "nowhere", description: "Held back." } as const;
  const cost = { set: "both", check: z.number(), default: 0, description: "What it cost." } as const;
  const shared = { set: "both", check: z.boolean(), description: "Whether it is shared." } as const;
  const described = [
    { bytes, cost, shared },
    // @ts-expect-error bytes have no type in GraphQL
    { bytes: { set: "server", description: "Shown." }, cost, shared },
    // @ts-expect-error an amount is given as a number
    { bytes, cost: { ...cost, check: z.string(), default: undefined }, shared },
    // @ts-expect-error true and false are no text
    { bytes, cost, shared: { ...shared, check: z.string() } },
  ] satisfies FieldsOf<Row>[];
  expect(described).toHaveLength(4);
});
