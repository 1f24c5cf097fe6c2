import {
  type DocumentNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isListType,
  type OperationDefinitionNode,
  type SelectionSetNode,
  valueFromASTUntyped,
} from "graphql";
import { DEFAULT_SIZE, LARGEST_SIZE } from "../src/db/page.ts";
import type { Price } from "../src/db/requester.ts";
import { badInput } from "../src/errors.ts";
import { argumentCost } from "./argument-cost.ts";
import { argumentFault } from "./argument-limits.ts";
import { introspectionCost } from "./introspection-cost.ts";
import { type Asked, argumentOf, askedOf, fieldsOf, type Selected, selectionsOf } from "./selection.ts";

export interface Cost extends Omit<Price, "share"> {
  /** The same sum over all fields: how many values the answer may hold. */
  readonly values: number;
  /** What makes `most` of it less. */
  readonly remedy: string;
}

const SMALLER_PAGES = "lower a page size there";
const FEWER_CONDITIONS = "give fewer of these conditions there";

/**
 * How many entries a list counts as that has no `first`: `extensions: listSize(100)`. One that is read together with
 * its row, and small, counts as none.
 */
export const listSize = (size: number) => ({ listSize: size });

/** The same for a list with an entry for each that its mutation is given in this list of its input. */
export const listOf = (given: string) => ({ listOf: given });

/** How many entries such a small list counts as, where values are counted. */
const SMALL_SIZE = 10;

interface Operation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** As they were sent. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * What the operation may cost: the sum over its lists of the product of the page sizes on the path to each, and what the
 * conditions of their filters cost that look through a table of their own. It is counted before anything is read; the document is valid, and within the limits of its size.
 * @throws BAD_USER_INPUT for an argument of a field that reads, or the filter of one that writes, when it is too large.
 */
export function costOf(schema: GraphQLSchema, { document, operation, variables }: Operation): Cost {
  const root = schema.getRootType(operation.operation);
  if (!root) return { nodes: 0, values: 0, most: "", remedy: SMALLER_PAGES };
  const asked = askedOf(schema, document, operation, variables);
  const { nodes, values, path, remedy } = measure(root, [operation.selectionSet], {
    asked,
    ofSchema: introspectionCost(asked),
  });
  return { nodes, values, most: path.join("."), remedy };
}

interface Measured {
  readonly nodes: number;
  readonly values: number;
  /** The part of the list that has the largest. */
  readonly largest: number;
  readonly path: readonly string[];
  readonly remedy: string;
}

interface Measuring {
  readonly asked: Asked;
  /** The field whose answer it is part of. */
  readonly parent?: Selected;
  readonly ofSchema: ReturnType<typeof introspectionCost>;
}

/** What is selected of one object of the type. */
function measure(type: GraphQLNamedType, selected: readonly SelectionSetNode[], measuring: Measuring): Measured {
  let total: Measured = { nodes: 0, values: 0, largest: 0, path: [], remedy: SMALLER_PAGES };
  for (const one of fieldsOf(type, selected, measuring.asked)) {
    const writes = type === measuring.asked.schema.getMutationType();
    const fault = argumentFault(one, measuring.asked, writes ? "filter" : undefined);
    if (fault) throw badInput(fault);
    const field = measureField(one, measuring);
    const larger = field.largest > total.largest ? field : total;
    total = { ...larger, nodes: total.nodes + field.nodes, values: total.values + field.values };
  }
  return total;
}

function measureField(one: Selected, measuring: Measuring): Measured {
  const type = getNamedType(one.field.type);
  if (one.field.name === "__schema" || one.field.name === "__type") {
    const nodes = measuring.ofSchema(one);
    return { nodes, values: 1, largest: nodes, path: [one.key], remedy: SMALLER_PAGES };
  }
  const inner = measure(type, selectionsOf(one), { ...measuring, parent: one });
  const { size, entries, shown } = sizeOf(one, measuring);
  const path = [`${one.key}${shown}`, ...inner.path];
  const conditions = argumentCost(one, measuring.asked);
  const cost =
    size === undefined
      ? { ...inner, values: 1 + inner.values, path }
      : {
          nodes: size + entries * inner.nodes,
          values: 1 + entries * (1 + inner.values),
          largest: size * Math.max(1, inner.largest),
          path,
          remedy: inner.remedy,
        };
  const nodes = cost.nodes + conditions;
  return conditions > cost.largest
    ? {
        ...cost,
        nodes,
        largest: conditions,
        path: [`${one.key} (by text and attempts: ${conditions})`],
        remedy: FEWER_CONDITIONS,
      }
    : { ...cost, nodes };
}

/** How many entries a list, or a page with lists in it, has at most; undefined for what is no list of its own. */
function sizeOf(one: Selected, { asked, parent }: Measuring) {
  const { field } = one;
  // `first` has its default beside a `last` that is given.
  const sizes = ["last", "first"].flatMap((name) => {
    const argument = field.args.find((known) => known.name === name);
    return argument ? [[name, argumentOf(one, name, asked) ?? argument.defaultValue] as const] : [];
  });
  if (sizes.length > 0) {
    const [name, value] = sizes.find(([, one]) => typeof one === "number") ?? ["first", DEFAULT_SIZE];
    const size = Math.min(Math.max(Number(value), 0), LARGEST_SIZE);
    return { size, entries: size, shown: `(${name}: ${size})` };
  }
  const { listSize: size = parent && givenTo(parent, one, asked) } = field.extensions as Partial<
    ReturnType<typeof listSize>
  >;
  return isListType(getNullableType(field.type)) && size !== undefined
    ? { size, entries: size || SMALL_SIZE, shown: ` (${size} at most)` }
    : { size: undefined, shown: "" };
}

function givenTo(mutation: Selected, { field }: Selected, { variables }: Asked): number | undefined {
  const { listOf: name } = field.extensions as Partial<ReturnType<typeof listOf>>;
  const input = mutation.nodes[0]?.arguments?.find((one) => one.name.value === "input")?.value;
  if (name === undefined || input === undefined) return undefined;
  const given = valueFromASTUntyped(input, variables) as Readonly<Record<string, unknown>> | null | undefined;
  const list = given?.[name];
  // One that is no list is taken for a list of itself.
  return Array.isArray(list) ? list.length : 1;
}
