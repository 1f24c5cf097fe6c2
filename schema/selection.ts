import {
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
  valueFromASTUntyped,
} from "graphql";
import { keptFor } from "../src/kept-for.ts";

/** What an operation selects, with what it takes to read that. */
export interface Asked {
  readonly schema: GraphQLSchema;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** As they were sent; those that were not have their defaults. */
  readonly variables: Readonly<Record<string, unknown>>;
}

export function askedOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Asked {
  const fragments = document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  const defaults = variableDefinitions.map(
    ({ variable, defaultValue }) => [variable.name.value, defaultValue && valueFromASTUntyped(defaultValue)] as const,
  );
  return {
    schema,
    fragments: new Map(fragments.map((fragment) => [fragment.name.value, fragment])),
    variables: { ...Object.fromEntries(defaults), ...variables },
  };
}

export interface Selected {
  /** As the answer names it. */
  readonly key: string;
  readonly field: GraphQLField<unknown, unknown>;
  readonly nodes: FieldNode[];
}

/** The fields that are selected, those of fragments too; one that is selected twice is executed, and counted, once. */
export function fieldsOf(
  type: GraphQLNamedType,
  selected: readonly SelectionSetNode[],
  asked: Asked,
): Iterable<Selected> {
  const found = new Map<string, Selected>();
  const collect = (of: GraphQLNamedType, { selections }: SelectionSetNode) => {
    for (const selection of selections) {
      if (isLeftOut(selection.directives, asked)) continue;
      if (selection.kind === Kind.FIELD) {
        const field = isCompositeType(of) ? asked.schema.getField(of, selection.name.value) : undefined;
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

/** What is selected of the objects that a field answers. */
export const selectionsOf = ({ nodes }: Selected): SelectionSetNode[] =>
  nodes.flatMap(({ selectionSet }) => selectionSet ?? []);

/**
 * Which of these fields of a type are selected anywhere below the field that is resolved: what its answer is asked for,
 * so that nothing else need be read.
 */
export function selectedBelow<Name extends string>(
  info: GraphQLResolveInfo,
  type: string,
  names: readonly Name[],
): Name[] {
  const below = allBelow(info.fieldNodes, info);
  const of = info.schema.getType(type);
  const fields = isCompositeType(of) && "getFields" in of ? of.getFields() : {};
  return names.filter((name) => fields[name] && below.has(fields[name]));
}

/** Whether a cursor is selected anywhere below it. */
export const cursorsBelow = (info: GraphQLResolveInfo): boolean =>
  selectedBelow(info, "PageInfo", ["startCursor", "endCursor"]).length > 0 ||
  ["TaskEdge", "TaskSearchEdge"].some((edge) => selectedBelow(info, edge, ["cursor"]).length > 0);

/** The nodes of a field are the same for all rows of a request. */
const allBelow = keptFor((fieldNodes: readonly FieldNode[], info: GraphQLResolveInfo) => {
  const { fragments, parentType, fieldName, schema, variableValues } = info;
  const below = new Set<GraphQLField<unknown, unknown>>();
  const asked = { schema, fragments: new Map(Object.entries(fragments)), variables: variableValues.coerced };
  const field = schema.getField(parentType, fieldName);
  if (field) collectBelow({ key: fieldName, field, nodes: [...fieldNodes] }, asked, below);
  return below;
});

function collectBelow(selected: Selected, asked: Asked, into: Set<GraphQLField<unknown, unknown>>): void {
  for (const one of fieldsOf(getNamedType(selected.field.type), selectionsOf(selected), asked)) {
    into.add(one.field);
    collectBelow(one, asked, into);
  }
}

/** A number, text or flag that the field is asked with; other values do not count. */
export const argumentOf = ({ nodes }: Selected, name: string, asked: Asked): unknown =>
  simple(nodes[0]?.arguments?.find((one) => one.name.value === name)?.value, asked);

/** By `@skip` or `@include`. */
function isLeftOut(directives: readonly DirectiveNode[] | undefined, asked: Asked): boolean {
  return (directives ?? []).some(({ name, arguments: given }) => {
    const condition = simple(given?.find((one) => one.name.value === "if")?.value, asked);
    return (name.value === "skip" && condition === true) || (name.value === "include" && condition === false);
  });
}

const simple = (node: ValueNode | undefined, { variables }: Asked): unknown =>
  node?.kind === Kind.VARIABLE ? variables[node.name.value] : literal(node);

function literal(node: ValueNode | undefined): unknown {
  if (node?.kind === Kind.INT) return Number(node.value);
  return node?.kind === Kind.BOOLEAN || node?.kind === Kind.STRING ? node.value : undefined;
}
