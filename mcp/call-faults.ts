import type { z } from "zod";
import { placeOf, type Schema, schemaAt } from "./schema.ts";
import { quoted } from "./text.ts";

/** More faults than these are counted, not told. */
const MOST_TOLD = 5;

interface WrongCall {
  readonly tool: string;
  readonly schema: Schema;
  /** Arguments that would do. */
  readonly example: unknown;
  readonly args: unknown;
  readonly error: z.ZodError;
}

/** What is wrong with a call: each fault, what the faulty places take, and a call that would do. */
export function describeFaults({ tool, schema, example, args, error }: WrongCall): string {
  const faults = error.issues.flatMap((issue) => faultsOf(schema, args, issue));
  const told = faults.slice(0, MOST_TOLD).map(({ text }) => text);
  if (faults.length > MOST_TOLD) told.push(`${faults.length - MOST_TOLD} more`);
  // The items of one list take the same, so each kind of place is told once.
  const takes = new Set(faults.map(({ within }) => whatItTakes(schema, within)));
  const advice = [...takes, `For example: ${tool} ${JSON.stringify(example)}`];
  return `Invalid arguments for ${tool}: ${told.join("; ")}. ${advice.join(" ")}`;
}

interface Fault {
  readonly text: string;
  /** The object whose members are to be told. */
  readonly within: readonly PropertyKey[];
}

function faultsOf(schema: Schema, args: unknown, issue: z.core.$ZodIssue): Fault[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    const where = path.length === 0 ? "" : ` in ${placeOf(path)}`;
    return issue.keys.map((key) => ({ text: `unknown argument ${key}${where}`, within: path }));
  }
  const place = placeOf(path) || "the arguments";
  const value = path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step], args);
  const expected = schemaAt(schema, path);
  const must = expected ? `must be ${whatIsExpected(expected)}` : issue.message;
  const text = value === undefined ? `${place} is missing; it ${must}` : `${place} ${must}, not ${quoted(value)}`;
  return [{ text, within: objectAround(path, expected) }];
}

/** The place itself when objects belong there, else the object that it is a member of. */
function objectAround(path: readonly PropertyKey[], expected: Schema | undefined): readonly PropertyKey[] {
  if (expected?.type === "object") return path;
  if (expected?.items?.type === "object") return [...path, 0];
  return path.slice(
    0,
    path.findLastIndex((step) => typeof step === "string"),
  );
}

/** `It takes …` for the arguments themselves, `tasks[] takes …` for what is within them. */
function whatItTakes(schema: Schema, path: readonly PropertyKey[]): string {
  const { properties = {}, required = [] } = schemaAt(schema, path) ?? schema;
  const names = Object.keys(properties).map((name) => (required.includes(name) ? `${name} (required)` : name));
  const place = placeOf(path).replaceAll(/\[\d+\]/g, "[]");
  return `${place || "It"} takes ${names.join(", ")}.`;
}

/** What belongs in a place, in words. */
function whatIsExpected({ type, enum: choices, items, minimum, maximum, minItems = 0, maxItems }: Schema): string {
  switch (type) {
    case "string":
      return choices ? `one of ${choices.join(", ")}` : "a text";
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number from ${minimum} to ${maximum}`;
    case "array":
      return `a list of ${minItems} to ${maxItems} ${items?.type === "object" ? "objects" : "texts"}`;
    case "object":
      return "an object";
  }
}
