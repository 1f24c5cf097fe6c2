import {
  type ASTNode,
  type DocumentNode,
  type FloatValueNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type IntValueNode,
  Kind,
  type ObjectFieldNode,
  type ParseOptions,
  parse,
  type SelectionSetNode,
  type Source,
  visit,
} from "graphql";
import { inexact, isExact, UNSAFE_NAME } from "../../client/exact-json.ts";

/** Only for those who expect statuses as GraphQL over HTTP has them. */
export const BAD_REQUEST = { status: 400, spec: true };
/** Limits that are generous for people and agents, and within which no request can hold up the server. */
const MOST_TOKENS = 10_000;
const DEEPEST = 20;
/** Aliases, and fields of the root: each may be a whole query of its own. */
const MOST_ALIASES = 200;
const MOST_ROOT_FIELDS = 200;
/** Fields after fragments have been spread; a chain of fragments can double them at every step. */
const MOST_FIELDS = 5_000;
/** With the fragments that hold them. */
const MOST_VISITED = 2 * MOST_FIELDS;
/** Fields that are selected where they are selected already: validation compares each with all others there. */
const MOST_REPEATED = 250;

/** @throws GraphQLError with QUERY_TOO_COMPLEX, or what is wrong with the syntax. */
export function parseWithinLimits(source: string | Source, options?: ParseOptions): DocumentNode {
  try {
    const document = parse(source, { ...options, maxTokens: MOST_TOKENS });
    refuseBeyondLimits(document);
    refuseUnkept(document);
    return document;
  } catch (error) {
    // Brackets nested thousands deep overflow the parser before the tokens run out.
    if (error instanceof RangeError) throw tooComplex("is nested too deep", `${DEEPEST} levels`);
    if (error instanceof GraphQLError && error.message.includes(`more than ${MOST_TOKENS} tokens`))
      throw tooComplex(`has more than ${MOST_TOKENS} tokens`, `${MOST_TOKENS} tokens`);
    throw error;
  }
}

function refuseBeyondLimits(document: DocumentNode): void {
  const fragments = new Map(
    document.definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  );
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const size = measure(definition.selectionSet, { fragments, known: new Map() });
    if (size.depth > DEEPEST) throw tooComplex(`is ${size.depth} levels deep`, `${DEEPEST} levels`);
    if (size.aliases > MOST_ALIASES) throw tooComplex(`has ${size.aliases} aliases`, `${MOST_ALIASES} aliases`);
    if (size.top > MOST_ROOT_FIELDS) throw tooComplex(`has ${size.top} root fields`, `${MOST_ROOT_FIELDS} root fields`);
    if (size.fields > MOST_FIELDS) throw tooComplex(`selects ${size.fields} fields`, `${MOST_FIELDS} fields`);
    const repeated = repeatedIn(definition.selectionSet, fragments);
    if (repeated > MOST_REPEATED)
      throw tooComplex(`selects ${repeated} fields again`, `${MOST_REPEATED} repeated fields`);
  }
}

/** @throws GraphQLError for a literal that would not be kept as it is written. */
function refuseUnkept(document: DocumentNode): void {
  const refuse = (nodes: ASTNode, what: string) => {
    throw new GraphQLError(`This document contains ${what}`, { nodes, extensions: { http: BAD_REQUEST } });
  };
  const number = (node: IntValueNode | FloatValueNode) => {
    if (!isExact(node.value)) refuse(node, inexact(node.value));
  };
  const field = (node: ObjectFieldNode) => {
    if (node.name.value === "__proto__") refuse(node, UNSAFE_NAME);
  };
  visit(document, { IntValue: number, FloatValue: number, ObjectField: field });
}

interface Size {
  readonly depth: number;
  readonly fields: number;
  readonly aliases: number;
  /** Fields at the top, not those within them. */
  readonly top: number;
}

interface Measured {
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Each fragment is measured once; while it is, and for ever if it spreads itself, it counts as nothing. */
  readonly known: Map<string, Size>;
}

const NOTHING: Size = { depth: 0, fields: 0, aliases: 0, top: 0 };

function measure({ selections }: SelectionSetNode, measured: Measured): Size {
  let total = NOTHING;
  for (const selection of selections) {
    let size: Size;
    if (selection.kind === Kind.FIELD) {
      const inner = selection.selectionSet ? measure(selection.selectionSet, measured) : NOTHING;
      size = {
        depth: inner.depth + 1,
        fields: inner.fields + 1,
        aliases: inner.aliases + (selection.alias ? 1 : 0),
        top: 1,
      };
    } else if (selection.kind === Kind.INLINE_FRAGMENT) size = measure(selection.selectionSet, measured);
    else size = measureFragment(selection.name.value, measured);
    total = {
      depth: Math.max(total.depth, size.depth),
      fields: total.fields + size.fields,
      aliases: total.aliases + size.aliases,
      top: total.top + size.top,
    };
  }
  return total;
}

function measureFragment(name: string, measured: Measured): Size {
  const known = measured.known.get(name);
  if (known) return known;
  const fragment = measured.fragments.get(name);
  if (!fragment) return NOTHING;
  measured.known.set(name, NOTHING);
  const size = measure(fragment.selectionSet, measured);
  measured.known.set(name, size);
  return size;
}

/** How many fields are selected once more at a place where they are selected already. */
function repeatedIn(selected: SelectionSetNode, fragments: ReadonlyMap<string, FragmentDefinitionNode>): number {
  let repeated = 0;
  let visited = 0;
  const merge = (sets: readonly SelectionSetNode[]) => {
    const places = new Map<string, SelectionSetNode[]>();
    const open = new Set<string>();
    const collect = ({ selections }: SelectionSetNode): void => {
      for (const selection of selections) {
        // Fragments that spread each other in a circle, or hold nothing, would keep it busy; validation judges those.
        visited++;
        if (visited > MOST_VISITED) return;
        if (selection.kind === Kind.FIELD) {
          const { value: name } = selection.alias ?? selection.name;
          const place = places.get(name) ?? [];
          if (places.has(name)) repeated++;
          else places.set(name, place);
          if (selection.selectionSet) place.push(selection.selectionSet);
        } else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet);
        else {
          const { value: name } = selection.name;
          const fragment = fragments.get(name);
          if (!fragment || open.has(name)) continue;
          open.add(name);
          collect(fragment.selectionSet);
          open.delete(name);
        }
      }
    };
    for (const set of sets) collect(set);
    for (const inner of places.values()) if (inner.length > 0) merge(inner);
  };
  merge([selected]);
  return repeated;
}

function tooComplex(fault: string, limit: string): GraphQLError {
  return new GraphQLError(`This document ${fault}; at most ${limit} are allowed. Split it into several requests.`, {
    extensions: { code: "QUERY_TOO_COMPLEX", http: BAD_REQUEST },
  });
}
