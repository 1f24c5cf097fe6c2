import type { z } from "zod";
import { type Path, placeOf, type Schema, schemaAt } from "./schema.ts";
import { quoted } from "./text.ts";

/** More faults than these are counted, not told. */
const MOST_TOLD = 5;

/** What is wrong with a call: each fault, and the places whose members are to be told. */
export function describeFaults(schema: Schema, args: unknown, error: z.ZodError) {
  const faults = error.issues.flatMap((issue) => faultsOf(schema, args, issue));
  // A number may be too large and no safe integer, which is one and the same fault to its caller.
  const texts = [...new Set(faults.map(({ text }) => text))];
  const told = texts.slice(0, MOST_TOLD);
  if (texts.length > MOST_TOLD) told.push(`${texts.length - MOST_TOLD} more`);
  return { told: told.join("; "), places: faults.map(({ within }) => within) };
}

interface Called {
  readonly name: string;
  readonly inputSchema: Schema;
  /** Arguments that would do. */
  readonly example: unknown;
}

/** What these places of a call take, and a call that would do. */
export function howToCall({ name, inputSchema, example }: Called, places: readonly Path[]): string {
  // The items of one list take the same, so each kind of place is told once.
  const takes = new Set(places.map((place) => whatItTakes(name, inputSchema, place)));
  return [...takes, `For example: ${name} ${JSON.stringify(example)}`].join(" ");
}

/** The items that a message of the server names at the beginning of a fault, as in `tasks[0].title: …`. */
export function itemsNamed(message: string, schema: Schema): Path[] {
  const lists = message.matchAll(/(?:^|; )(\w+)\[\d+\]/g).map(([, list = ""]) => [list, 0]);
  return lists.filter((place) => schemaAt(schema, place)?.type === "object").toArray();
}

interface ArgumentFault {
  readonly text: string;
  /** The object whose members are to be told. */
  readonly within: Path;
}

function faultsOf(schema: Schema, args: unknown, issue: z.core.$ZodIssue): ArgumentFault[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    const where = path.length === 0 ? "" : ` in ${placeOf(path)}`;
    return issue.keys.map((key) => ({ text: `unknown argument ${key}${where}`, within: path }));
  }
  const place = placeOf(path) || "the arguments";
  const value = path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step], args);
  const expected = schemaAt(schema, path);
  const must = expected && issue.code !== "custom" ? `must be ${whatIsExpected(expected)}` : issue.message;
  // The fault of a list that is too long or too short is its length.
  const found = Array.isArray(value) && expected?.type === "array" ? `one of ${value.length}` : quoted(value);
  const text = value === undefined ? `${place} is missing; it ${must}` : `${place} ${must}, not ${found}`;
  return [{ text, within: objectAround(path, expected) }];
}

/** The place itself when objects belong there, else the object that it is a member of. */
function objectAround(path: Path, expected: Schema | undefined): Path {
  if (expected?.type === "object") return path;
  if (expected?.items?.type === "object") return [...path, 0];
  return path.slice(
    0,
    path.findLastIndex((step) => typeof step === "string"),
  );
}

/** `add_task takes …` for the arguments themselves, `tasks[] takes …` for what is within them. */
function whatItTakes(tool: string, schema: Schema, path: Path): string {
  const { properties = {}, required = [] } = schemaAt(schema, path) ?? schema;
  const names = Object.keys(properties).map((name) => (required.includes(name) ? `${name} (required)` : name));
  const place = placeOf(path).replaceAll(/\[\d+\]/g, "[]");
  return `${place || tool} takes ${names.join(", ")}.`;
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
