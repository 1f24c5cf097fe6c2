import { valueFromASTUntyped } from "graphql";
import type { Asked, Selected } from "./selection.ts";

/** Longer than anything that can be looked for by it. */
const MOST_CHARACTERS = 1_000;
/** Of all lists within one argument together. */
const MOST_ENTRIES = 1_000;

/** For the descriptions of the types whose fields read. */
export const ARGUMENT_LIMITS = `In the arguments of its fields, and of those within them, a text has at most ${MOST_CHARACTERS} characters, and the lists of an argument ${MOST_ENTRIES} entries together.`;

/**
 * What is wrong with an argument of a field that reads: it is larger than anything is that it could find.
 * @param part of a field that writes: what of its input reads.
 */
export function argumentFault({ field, nodes }: Selected, { variables }: Asked, part?: string): string | undefined {
  for (const { name, value } of nodes[0]?.arguments ?? []) {
    const given: unknown = valueFromASTUntyped(value, variables);
    const fault = sizeFault(part === undefined ? given : partOf(given, part));
    if (fault) return `${field.name}(${name.value}) ${fault}`;
  }
  return undefined;
}

function sizeFault(value: unknown): string | undefined {
  let entries = 0;
  const left = [value];
  while (left.length > 0) {
    const part = left.pop();
    if (typeof part === "string" && part.length > MOST_CHARACTERS)
      return `has a text of ${part.length} characters; ${MOST_CHARACTERS} at most.`;
    if (typeof part !== "object" || part === null) continue;
    if (Array.isArray(part)) entries += part.length;
    if (entries > MOST_ENTRIES)
      return `has more than ${MOST_ENTRIES} entries in its lists, which is the most. Ask in several parts.`;
    for (const inner of Object.values(part)) left.push(inner);
  }
  return undefined;
}

const partOf = (given: unknown, part: string): unknown =>
  typeof given === "object" && given !== null ? Reflect.get(given, part) : undefined;
