import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
  type OperationTypeNode,
} from "graphql";
import { schema } from "../../schema/index.ts";

export type Operation = "query" | "mutation" | "subscription";

/** A field that can be asked for, at the root or below it. */
export interface Walked {
  /** `field` or `Type.field`. */
  readonly name: string;
  readonly operation: Operation;
  readonly field: GraphQLField<unknown, unknown>;
  /** What stands around a field below the root, such as `project(projectId: "alpha")` or `webhooks { nodes`. */
  readonly parent?: string;
}

/** The root fields of the schema, and those below them that take arguments; `reached` tells the parents of these. */
export function walk(wanted: Operation, reached: Readonly<Record<string, string>>): Walked[] {
  const root = schema.getRootType(wanted as OperationTypeNode);
  const fields = Object.values(root?.getFields() ?? {}).map((field) => ({
    name: field.name,
    operation: wanted,
    field,
  }));
  return wanted === "query" ? [...fields, ...fieldsBelow(reached)] : fields;
}

function fieldsBelow(reached: Readonly<Record<string, string>>): Walked[] {
  const roots = new Set(["Query", "Mutation", "Subscription"]);
  return Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && !roots.has(type.name) && !type.name.startsWith("__"))
    .flatMap((type) => (isObjectType(type) ? Object.values(type.getFields()) : []).map((field) => ({ type, field })))
    .filter(({ field }) => field.args.length > 0)
    .map(({ type, field }) => {
      const name = `${type.name}.${field.name}`;
      const parent = reached[name];
      if (parent === undefined) throw new Error(`${name} takes arguments: how is it reached? Add it to REACHED`);
      return { name, operation: "query", field, parent };
    });
}

/** Entries of each list within a list: with more, the whole would cost too much. */
const NESTED = 3;

/** Below a list of so many entries any other would cost too much. */
const LARGE = 1_000;

/** How many entries a list within a list counts as; 0 for what is none. */
const sizeOf = ({ args, extensions }: GraphQLField<unknown, unknown>): number =>
  args.some((arg) => arg.name === "first") ? NESTED : Number(extensions["listSize"] ?? 0);

/** What has a global id, or an event can be about. */
const NOUNS: ReadonlySet<GraphQLNamedType> = new Set(
  Object.values(schema.getTypeMap()).flatMap((type) => (isAbstractType(type) ? schema.getPossibleTypes(type) : [])),
);

/**
 * Everything that can be selected of a type without required arguments; a type is not entered again within itself, and
 * nouns only so deep. Empty where nothing is left.
 */
function selectionOf(
  type: GraphQLOutputType,
  nouns: number,
  within: readonly GraphQLNamedType[] = [],
  { aliased, large = false }: { readonly aliased?: Aliased; readonly large?: boolean } = {},
): string {
  const named = getNamedType(type);
  if (isInterfaceType(named) || isUnionType(named)) {
    const possible = schema.getPossibleTypes(named);
    const fragments = possible.flatMap((one) => {
      // All nouns at once: each links to others as it does elsewhere.
      const selected = selectionOf(one, isInterfaceType(named) ? Math.max(1, nouns - 1) : nouns, within, {
        aliased: aliasedOf(possible),
      });
      return selected ? `... on ${one.name} ${selected}` : [];
    });
    return fragments.length > 0 ? `{ __typename ${fragments.join(" ")} }` : "";
  }
  if (!isObjectType(named)) return "";
  const path = [...within, named];
  const deep = path.filter((one) => NOUNS.has(one)).length;
  // A page of events that may not be entered any more would only cost.
  if (deep > nouns || (deep === nouns && named.name === "EventPage")) return "";
  const fields = Object.values(named.getFields())
    .filter((field) => !field.args.some(isRequiredArgument) && !path.includes(getNamedType(field.type)))
    .filter((field) => !(large && sizeOf(field) > 0))
    .flatMap((one) => {
      const { name, args, type: inner } = one;
      const page = args.some((arg) => arg.name === "first") ? `(first: ${NESTED})` : "";
      // The nodes of a connection are selected once.
      const selected =
        name === "edges" && named.name.endsWith("Connection")
          ? "{ cursor }"
          : selectionOf(inner, nouns, path, { large: large || sizeOf(one) >= LARGE });
      if (!selected && isCompositeType(getNamedType(inner))) return [];
      return `${aliased?.has(name) ? `${named.name}_${name}: ` : ""}${name}${page} ${selected}`;
    });
  return fields.length > 0 ? `{ ${fields.join(" ")} }` : "";
}

/** Names under which several types have fields that may not be merged. */
type Aliased = ReadonlySet<string>;

function aliasedOf(types: readonly GraphQLObjectType[]): Aliased {
  const fields = types.flatMap((type) => Object.values(type.getFields()));
  return new Set(
    [...Map.groupBy(fields, ({ name }) => name)]
      .filter(([, same]) => new Set(same.map(({ type }) => String(type))).size > 1)
      .map(([name]) => name),
  );
}

/**
 * A document of one field that takes all its arguments as variables and selects everything.
 * @param nouns how many within each other: all of them link to each other, and what one shows does not depend on the way.
 *   0: nothing is selected, where only the field itself matters.
 */
export function documentOf({ operation, field: { name, args, type }, parent }: Walked, nouns = 2): string {
  const variables = args.map((arg) => `$${arg.name}: ${arg.type}`).join(", ");
  const passed = args.map((arg) => `${arg.name}: $${arg.name}`).join(", ");
  const field = `${name}${passed && `(${passed})`} ${nouns > 0 ? selectionOf(type, nouns) : nothingOf(type)}`;
  const selected = parent === undefined ? field : `${parent} { ${field} ${"}".repeat(parent.split("{").length)}`;
  return `${operation} ${variables && `(${variables})`} { ${selected} }`;
}

const nothingOf = (type: GraphQLOutputType) => (isCompositeType(getNamedType(type)) ? "{ __typename }" : "");

/** A scalar place somewhere in a field's arguments. */
export interface Leaf {
  /** Names of arguments and input fields; 0 for the first of a list. */
  readonly path: readonly (string | 0)[];
  /** `Type.name` of an input field, `name` of an argument. */
  readonly names: readonly string[];
  /** The inputs that it is within, from the outermost on. */
  readonly within: readonly string[];
}

/** Scalars that cannot name anything. */
const UNNAMING = new Set(["Boolean", "Date", "DateTime", "DateTimeOrDuration", "Float", "Int", "JSON", "SafeInt"]);

/** Every place in the arguments that takes an ID, a String, or a scalar that may hold a name. */
export function leavesOf(args: readonly GraphQLArgument[]): Leaf[] {
  return args.flatMap((arg) => leavesWithin(arg.type, [arg.name], [arg.name], []));
}

function leavesWithin(
  type: GraphQLInputType,
  path: readonly (string | 0)[],
  names: readonly string[],
  within: readonly string[],
): Leaf[] {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return leavesWithin(nullable.ofType, [...path, 0], names, within);
  if (isInputObjectType(nullable)) {
    // Filters nest in themselves: once is enough.
    if (within.filter((seen) => seen === nullable.name).length > 1) return [];
    const leaves = Object.values(nullable.getFields()).flatMap((field) =>
      leavesWithin(
        field.type,
        [...path, field.name],
        [`${nullable.name}.${field.name}`, field.name],
        [...within, nullable.name],
      ),
    );
    // Of comparators inside of a filter in a filter `in` is enough: outside each was walked.
    const nested = new Set(within).size < within.length && !within.includes(nullable.name);
    return nested ? leaves.filter((leaf) => leaf.path.at(-2) === "in") : leaves;
  }
  return isEnumType(nullable) || UNNAMING.has(nullable.name) ? [] : [{ path, names, within }];
}

export type Json = string | number | boolean | Json[] | { [name: string]: Json };

/** The least arguments that a field takes; `valueFor` gives those of scalars and enums, and `extra` more of an input. */
export function leastArguments(
  args: readonly GraphQLArgument[],
  valueFor: (name: string) => Json,
  extra: Readonly<Record<string, Record<string, Json>>>,
): Record<string, Json> {
  const made = (name: string, type: GraphQLInputType): Json => {
    const nullable = getNullableType(type);
    if (isListType(nullable)) return [made(name, nullable.ofType)];
    if (!isInputObjectType(nullable)) return valueFor(name);
    const required = Object.values(nullable.getFields()).filter(isRequiredInputField);
    return {
      ...Object.fromEntries(required.map((field) => [field.name, made(field.name, field.type)])),
      ...extra[nullable.name],
    };
  };
  return Object.fromEntries(args.filter(isRequiredArgument).map(({ name, type }) => [name, made(name, type)]));
}

/** A copy with the value at the path; what is missing on the way is made. */
export function withValue(json: Json | undefined, [step, ...rest]: readonly (string | 0)[], value: Json): Json {
  if (step === undefined) return value;
  if (step === 0) return [withValue(Array.isArray(json) ? json[0] : undefined, rest, value)];
  const object = typeof json === "object" && !Array.isArray(json) ? json : {};
  return { ...object, [step]: withValue(object[step], rest, value) };
}
