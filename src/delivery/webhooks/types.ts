import { badInput } from "../../errors.ts";
import { alike, isPattern } from "../../log/read/type-patterns.ts";

/**
 * The patterns without repetition, null for every type. They are stored as they are, so that `task.*` also selects what
 * a later release adds.
 * @throws BAD_USER_INPUT for a type that does not exist, naming those it may be taken for.
 */
export function checkTypes(given: readonly string[] | null | undefined): string[] | null {
  if (given == null) return null;
  if (given.length === 0) throw badInput("types must name at least one event type; leave it out for every type.");
  const wrong = given.find((pattern) => !isPattern(pattern));
  if (wrong !== undefined)
    throw badInput(`There is no event type ${JSON.stringify(wrong)}. Use ${alike(wrong).join(", ")}.`, { type: wrong });
  return [...new Set(given)].sort();
}
