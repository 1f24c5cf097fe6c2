/** What PostgreSQL takes, where it refuses more than JSON or a Date does: one check for every way in. */

/** Neither U+0000 nor half a surrogate pair: text cannot hold the one, jsonb neither of them. */
export const isStorable = (text: string): boolean => !/[\0\p{Cs}]/u.test(text);

/** Whether there is nothing to read in it: nothing but spaces and characters that show nothing, of any script. */
export const isBlank = (text: string): boolean => !/[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u.test(text);

export const NOT_STORABLE = "contains characters that cannot be stored (U+0000 or half a surrogate pair)";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether the text can be an id of ours that is a UUID; PostgreSQL takes further spellings, and fails at all others. */
export const isUuid = (text: string): boolean => UUID.test(text);

/** The text where it is a UUID, else one that nothing has: what is looked for by it is not found. */
export const asUuid = (text: string): string => (isUuid(text) ? text : "00000000-0000-0000-0000-000000000000");

/** Deeper values would exhaust the stack of any code that walks through them, here or in PostgreSQL. */
const DEEPEST_JSON = 100;

/** What is wrong with a JSON value, undefined when nothing is. */
export function jsonFault(value: unknown, mostBytes = Number.POSITIVE_INFINITY): string | undefined {
  const left: { readonly part: unknown; readonly depth: number }[] = [{ part: value, depth: 0 }];
  for (let at = left.pop(); at; at = left.pop()) {
    const { part, depth } = at;
    if (typeof part === "string" && !isStorable(part)) return NOT_STORABLE;
    if (part === null || typeof part !== "object") continue;
    if (depth >= DEEPEST_JSON) return `is nested more than ${DEEPEST_JSON} levels deep`;
    if (!Array.isArray(part) && !Object.keys(part).every(isStorable)) return NOT_STORABLE;
    for (const inner of Object.values(part)) left.push({ part: inner, depth: depth + 1 });
  }
  if (mostBytes === Number.POSITIVE_INFINITY) return undefined;
  const bytes = Buffer.byteLength(JSON.stringify(value));
  return bytes > mostBytes ? `has ${bytes} bytes as JSON; ${mostBytes} at most` : undefined;
}

/** Offsets and fractions as far as PostgreSQL reads them; it has no year 0. */
const INSTANT = /^((?!0000)\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-](?:0\d|1[0-5]):[0-5]\d)$/;

/** A day of the calendar: a Date would take 30 February as 2 March. */
export function isDay(text: string): boolean {
  const midnight = new Date(`${text}T00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(text);
}

/** ISO 8601 with date, time and an offset; what lacks the offset would mean another instant on another machine. */
export function parseInstant(text: string): Date | undefined {
  const [, day] = INSTANT.exec(text) ?? [];
  if (day === undefined || !isDay(day)) return undefined;
  const instant = new Date(text);
  return Number.isNaN(instant.getTime()) ? undefined : instant;
}
