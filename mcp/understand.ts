import { parseExactly } from "../client/exact-json.ts";
import { type Path, placeOf, type Schema } from "./schema.ts";
import { quoted } from "./text.ts";

/** Arguments as they were meant, and where their meaning was in doubt, what they were taken for. */
interface Understood {
  readonly value: unknown;
  readonly notes: readonly string[];
}

/**
 * Reads arguments as models really send them: null or nothing for an argument that may be left out; lists and objects
 * as JSON text; numbers and booleans as text; one entry where a list is due. What does not fit stays as it is, for the
 * check that follows.
 * @param nulls members of which null says something, and is read as an empty text; of any other it leaves the member out.
 */
export function understand(schema: Schema, given: unknown, nulls: readonly string[] = []): Understood {
  const notes: string[] = [];
  const value = read(schema, given, [], notes);
  const said = isObject(given) ? nulls.filter((name) => given[name] === null) : [];
  return {
    value: isObject(value) ? { ...value, ...Object.fromEntries(said.map((name) => [name, ""])) } : value,
    notes,
  };
}

function read(schema: Schema, given: unknown, path: Path, notes: string[]): unknown {
  switch (schema.type) {
    case "object":
      return readObject(schema, given, path, notes);
    case "array":
      return readList(schema, given, path, notes);
    case "integer":
      return typeof given === "string" && /^\s*[+-]?\d{1,15}(\.0+)?\s*$/.test(given) ? Number(given) : given;
    case "boolean":
      return readBoolean(given, path, notes);
    case "string":
      return schema.enum ? readChoice(schema.enum, given) : readText(given);
  }
}

function readObject(schema: Schema, given: unknown, path: Path, notes: string[]): unknown {
  const value = typeof given === "string" ? fromJson(given) : given;
  if (!isObject(value)) return schema.additionalProperties === false ? given : wrapped(value, path, notes);
  const members = Object.entries(value).flatMap(([name, member]): [string, unknown][] => {
    const known = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined;
    if (known === undefined) return [[name, member]];
    const at = [...path, name];
    if (schema.required?.includes(name) ? isBlank(known, member) : isLeftOut(known, member, at, notes)) return [];
    return [[name, read(known, member, at, notes)]];
  });
  // Unlike assignments, entries make a member called __proto__ like any other.
  return Object.fromEntries(members);
}

/** An open object holds whatever its owner likes, so a bare text or list is its only member. */
function wrapped(value: unknown, path: Path, notes: string[]): unknown {
  if (typeof value !== "string" && !Array.isArray(value)) return value;
  notes.push(`${placeOf(path)} was no object and is kept as its member text.`);
  return { text: value };
}

function readList(schema: Schema, given: unknown, path: Path, notes: string[]): unknown {
  const { items } = schema;
  const value = typeof given === "string" ? fromJson(given) : given;
  if (items === undefined || value == null) return given;
  if (Array.isArray(value)) return value.map((item, index) => read(items, item, [...path, index], notes));
  if (isObject(value) !== (items.type === "object")) return given;
  if (typeof value === "string") notes.push(`${placeOf(path)} was no list and counts as one entry, ${quoted(value)}.`);
  return [read(items, value, [...path, 0], notes)];
}

const YES_OR_NO: Readonly<Record<string, boolean>> = { yes: true, no: false, "1": true, "0": false };

function readBoolean(given: unknown, path: Path, notes: string[]): unknown {
  if (typeof given !== "string" && typeof given !== "number") return given;
  const word = String(given).trim().toLowerCase();
  if (word === "true" || word === "false") return word === "true";
  const meant = Object.hasOwn(YES_OR_NO, word) ? YES_OR_NO[word] : undefined;
  if (meant === undefined) return given;
  notes.push(`${placeOf(path)} ${quoted(word)} counts as ${meant}.`);
  return meant;
}

/** `In Progress` and `IN_PROGRESS` are `in_progress`. */
function readChoice(choices: readonly string[], given: unknown): unknown {
  if (typeof given !== "string") return given;
  const word = given
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, "_");
  return choices.includes(word) ? word : given;
}

function readText(given: unknown): unknown {
  return typeof given === "number" || typeof given === "boolean" ? String(given) : given;
}

/** A required text that says nothing counts as missing. */
function isBlank(schema: Schema, given: unknown): boolean {
  return schema.type === "string" && typeof given === "string" && given.trim() === "";
}

/** How some models write that they leave an argument out. */
const NOTHING = new Set(["", "null", "none", "undefined"]);

function isLeftOut(schema: Schema, given: unknown, path: Path, notes: string[]): boolean {
  if (given === null) return true;
  if (typeof given !== "string" || !NOTHING.has(given.trim().toLowerCase())) return false;
  // Only a text could mean just that.
  if (schema.type === "string" && !schema.enum) notes.push(`${placeOf(path)} ${quoted(given)} counts as left out.`);
  return true;
}

/** What a text says as JSON if that is a list or an object, else the text. */
function fromJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return parseExactly(text);
  } catch {
    return text;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}
