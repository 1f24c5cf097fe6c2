import { badInput } from "../../errors.ts";
import { EVENT_TYPES } from "../../event-types.ts";

/** What a webhook may ask for: a type like `task.completed`, or all of a noun like `task.*`. */
const PATTERNS = new Set<string>([...EVENT_TYPES, ...EVENT_TYPES.map((type) => `${nounOf(type)}.*`)]);

/** The event types that the patterns select, as far as this release knows them. */
export function expandTypes(patterns: readonly string[]): string[] {
  const chosen = new Set(patterns);
  return EVENT_TYPES.filter((type) => chosen.has(type) || chosen.has(`${nounOf(type)}.*`));
}

/**
 * The patterns without repetition, null for every type. They are stored as they are, so that `task.*` also selects what
 * a later release adds.
 * @throws BAD_USER_INPUT for a type that does not exist, naming those it may be taken for.
 */
export function checkTypes(given: readonly string[] | null | undefined): string[] | null {
  if (given == null) return null;
  if (given.length === 0) throw badInput("types must name at least one event type; leave it out for every type.");
  const wrong = given.find((pattern) => !PATTERNS.has(pattern));
  if (wrong !== undefined)
    throw badInput(`There is no event type ${JSON.stringify(wrong)}. Use ${alike(wrong).join(", ")}.`, { type: wrong });
  return [...new Set(given)].sort();
}

/** The patterns of the noun that is probably meant, singular or plural; all when it is none. */
function alike(wrong: string): string[] {
  const singular = (text: string) => nounOf(text.toLowerCase()).replace(/s$/, "");
  const sorted = [...PATTERNS].sort();
  const near = sorted.filter((pattern) => singular(pattern) === singular(wrong));
  return near.length > 0 ? near : sorted;
}

function nounOf(type: string): string {
  return type.split(".", 1)[0] ?? type;
}
