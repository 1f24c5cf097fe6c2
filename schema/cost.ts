import {
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from "graphql";
import { DEFAULT_SIZE, LARGEST_SIZE } from "../src/db/page.ts";
import type { Price } from "../src/db/requester.ts";

/**
 * How many entries a list counts as that has no `first`: `extensions: listSize(100)`. One that is read together with
 * its row, and small, counts as none.
 */
export const listSize = (size: number) => ({ listSize: size });

interface Asked {
  readonly schema: GraphQLSchema;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** As they were sent; those that were not have their defaults. */
  readonly variables: ReadonlyMap<string, unknown>;
}

interface Operation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** As they were sent. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * What the operation may cost: the sum over its lists of the product of the page sizes on the path to each. It is counted
 * before anything is read; the document is valid, and within the limits of its size.
 */
export function costOf(schema: GraphQLSchema, { document, operation, variables }: Operation): Price {
  const root = schema.getRootType(operation.operation);
  if (!root) return { nodes: 0, most: "" };
  const defaults = (operation.variableDefinitions ?? []).map(
    ({ variable, defaultValue }) => [variable.name.value, literal(defaultValue)] as const,
  );
  const fragments = document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  const { nodes, path } = measure(root, [operation.selectionSet], {
    schema,
    fragments: new Map(fragments.map((fragment) => [fragment.name.value, fragment])),
    variables: new Map<string, unknown>([...defaults, ...Object.entries(variables)]),
  });
  return { nodes, most: path.join(".") };
}

interface Measured {
  readonly nodes: number;
  /** The part of the list that has the largest. */
  readonly largest: number;
  readonly path: readonly string[];
}

/** What is selected of one object of the type. */
function measure(type: GraphQLNamedType, selected: readonly SelectionSetNode[], asked: Asked): Measured {
  let total: Measured = { nodes: 0, largest: 0, path: [] };
  for (const { key, field, nodes } of fieldsOf(type, selected, asked)) {
    const inner = measure(
      getNamedType(field.type),
      nodes.flatMap(({ selectionSet }) => selectionSet ?? []),
      asked,
    );
    const { size, shown } = sizeOf(field, nodes, asked);
    const one =
      size === undefined ? inner : { nodes: size * (1 + inner.nodes), largest: size * Math.max(1, inner.largest) };
    const path = [`${key}${shown}`, ...inner.path];
    const larger = one.largest > total.largest ? { largest: one.largest, path } : total;
    total = { ...larger, nodes: total.nodes + one.nodes };
  }
  return total;
}

interface Selected {
  /** As the answer names it. */
  readonly key: string;
  readonly field: GraphQLField<unknown, unknown>;
  readonly nodes: FieldNode[];
}

/** The fields that are selected, those of fragments too; one that is selected twice is executed, and counted, once. */
function fieldsOf(type: GraphQLNamedType, selected: readonly SelectionSetNode[], asked: Asked): Iterable<Selected> {
  const found = new Map<string, Selected>();
  const collect = (of: GraphQLNamedType, { selections }: SelectionSetNode) => {
    for (const selection of selections) {
      if (isLeftOut(selection.directives, asked)) continue;
      if (selection.kind === Kind.FIELD) {
        const field = isObjectType(of) || isInterfaceType(of) ? of.getFields()[selection.name.value] : undefined;
        if (!field) continue;
        const key = (selection.alias ?? selection.name).value;
        const known = found.get(`${of.name} ${key}`);
        if (known) known.nodes.push(selection);
        else found.set(`${of.name} ${key}`, { key, field, nodes: [selection] });
        continue;
      }
      const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : asked.fragments.get(selection.name.value);
      const narrower = fragment?.typeCondition && asked.schema.getType(fragment.typeCondition.name.value);
      if (fragment) collect(narrower ?? of, fragment.selectionSet);
    }
  };
  for (const one of selected) collect(type, one);
  return found.values();
}

/** How many entries a list, or a page with lists in it, has at most; undefined for what is no list of its own. */
function sizeOf(field: GraphQLField<unknown, unknown>, [node]: readonly FieldNode[], asked: Asked) {
  const sizes = ["first", "last"].flatMap((name) => {
    const argument = field.args.find((one) => one.name === name);
    if (!argument) return [];
    const value = numberOrFlag(node?.arguments?.find((one) => one.name.value === name)?.value, asked);
    return [[name, value ?? argument.defaultValue] as const];
  });
  if (sizes.length > 0) {
    const [name, value] = sizes.find(([, one]) => typeof one === "number") ?? ["first", DEFAULT_SIZE];
    const size = Math.min(Math.max(Number(value), 0), LARGEST_SIZE);
    return { size, shown: `(${name}: ${size})` };
  }
  const { listSize: size } = field.extensions as Partial<ReturnType<typeof listSize>>;
  return isListType(getNullableType(field.type)) && size !== undefined
    ? { size, shown: ` (${size} at most)` }
    : { size: undefined, shown: "" };
}

/** By `@skip` or `@include`. */
function isLeftOut(directives: readonly DirectiveNode[] | undefined, asked: Asked): boolean {
  return (directives ?? []).some(({ name, arguments: given }) => {
    const condition = numberOrFlag(given?.find((one) => one.name.value === "if")?.value, asked);
    return (name.value === "skip" && condition === true) || (name.value === "include" && condition === false);
  });
}

/** Of an argument; other values do not count. */
const numberOrFlag = (node: ValueNode | undefined, { variables }: Asked): unknown =>
  node?.kind === Kind.VARIABLE ? variables.get(node.name.value) : literal(node);

function literal(node: ValueNode | undefined): unknown {
  if (node?.kind === Kind.INT) return Number(node.value);
  return node?.kind === Kind.BOOLEAN ? node.value : undefined;
}
