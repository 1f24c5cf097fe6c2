import { EVENT_TYPES } from "../../event-types.ts";

/** What may be asked for: a type like `task.completed`, or all of a noun like `task.*`. */
const PATTERNS = new Set<string>([...EVENT_TYPES, ...EVENT_TYPES.map((type) => `${nounOf(type)}.*`)]);

/** The event types that the patterns select, as far as this release knows them. */
export function expandTypes(patterns: Iterable<string>): string[] {
  const chosen = new Set(patterns);
  return EVENT_TYPES.filter((type) => chosen.has(type) || chosen.has(`${nounOf(type)}.*`));
}

export const isPattern = (text: string): boolean => PATTERNS.has(text);

/** The patterns of the noun that is probably meant, singular or plural; all when it is none. */
export function alike(wrong: string): string[] {
  const singular = (text: string) => nounOf(text.toLowerCase()).replace(/s$/, "");
  const sorted = [...PATTERNS].sort();
  const near = sorted.filter((pattern) => singular(pattern) === singular(wrong));
  return near.length > 0 ? near : sorted;
}

function nounOf(type: string): string {
  return type.split(".", 1)[0] ?? type;
}
