import {
  type GraphQLInputType,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  valueFromASTUntyped,
} from "graphql";
import type { Asked, Selected } from "./selection.ts";

/**
 * What a condition of a filter costs, beside the entries of the page, each time that it is given: for those that are not
 * told by the row itself, and look through a table of their own.
 */
export const looksThrough = (cost: number) => ({ looksThrough: cost });

/** What the conditions in the arguments of a field cost together. */
export function argumentCost({ field, nodes }: Selected, { variables }: Asked): number {
  let cost = 0;
  const left: (readonly [GraphQLInputType | undefined, unknown])[] = (nodes[0]?.arguments ?? []).map(
    ({ name, value }) => {
      const known = field.args.find((arg) => arg.name === name.value);
      cost += costOf(known);
      return [known?.type, valueFromASTUntyped(value, variables)] as const;
    },
  );
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    const [type, value] = part;
    if (type === undefined || typeof value !== "object" || value === null) continue;
    const nullable = getNullableType(type);
    if (Array.isArray(value)) {
      const inner = isListType(nullable) ? nullable.ofType : type;
      for (const one of value) left.push([inner, one]);
      continue;
    }
    const named = getNamedType(type);
    if (!isInputObjectType(named)) continue;
    for (const [name, given] of Object.entries(value)) {
      const known = named.getFields()[name];
      if (known === undefined || given === null) continue;
      cost += costOf(known);
      left.push([known.type, given]);
    }
  }
  return cost;
}

const costOf = (known: { readonly extensions: Partial<ReturnType<typeof looksThrough>> } | undefined): number =>
  known?.extensions.looksThrough ?? 0;
