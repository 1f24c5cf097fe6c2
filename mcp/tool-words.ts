import { TOOLSETS } from "./registry.ts";
import type { Schema } from "./schema.ts";
import { vocabularyOf, wordedBy } from "./wording.ts";

const schemas = Object.values(TOOLSETS)
  .flat()
  .map(({ inputSchema }) => inputSchema);

const words = vocabularyOf(schemas.flatMap(namesIn), schemas.flatMap(choicesIn));

function choicesIn({ properties = {}, items, enum: own = [] }: Schema): readonly string[] {
  return [...own, ...[...Object.values(properties), ...(items ? [items] : [])].flatMap(choicesIn)];
}

function namesIn({ properties = {}, items }: Schema): string[] {
  const own = Object.entries(properties).flatMap(([name, member]) => [name, ...namesIn(member)]);
  return items ? [...own, ...namesIn(items)] : own;
}

/** A message of the server as a tool would say it; the tools give advice of their own. */
export const inToolWords = (message: string, values: Readonly<Record<string, unknown>> = {}): string =>
  wordedBy(words, message, values);
