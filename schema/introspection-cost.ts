import {
  type GraphQLSchema,
  getIntrospectionQuery,
  getNamedType,
  getOperationAST,
  introspectionFromSchema,
  parse,
} from "graphql";
import { keptFor } from "../src/kept-for.ts";
import { type Asked, argumentOf, askedOf, fieldsOf, type Selected, selectionsOf } from "./selection.ts";

/** What the standard introspection query costs, which tools read the whole schema with; other questions in proportion. */
export const WHOLE_SCHEMA_COST = 10_000;
const WHOLE_SCHEMA = parse(
  getIntrospectionQuery({
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    experimentalDirectiveDeprecation: true,
    oneOf: true,
  }),
);

/** In whole schemas: nobody needs to know how much more than this an operation costs. */
const MOST_COUNTED = 4;

/** One thing of the schema, as introspection answers it. */
type Part = Readonly<Record<string, unknown>>;

const isPart = (value: unknown): value is Part => typeof value === "object" && value !== null;

/** How much an answer is: time goes by its values, memory by its characters. */
interface Weight {
  values: number;
  characters: number;
}

/**
 * What the questions of one operation about the schema (`__schema`, `__type`) cost, one after another: each answer is
 * weighed before it is given, against the answer to the standard introspection query.
 */
export function introspectionCost(asked: Asked): (question: Selected) => number {
  const together: Weight = { values: 0, characters: 0 };
  let before = 0;
  return (question) => {
    const scales = scalesOf(asked.schema);
    scales.add(together, question, asked);
    const cost = scales.cost(together) - before;
    before += cost;
    return cost;
  };
}

const scalesOf = keptFor((schema: GraphQLSchema) => new Scales(schema));

class Scales {
  readonly #schema: Part;
  readonly #types: ReadonlyMap<unknown, Part>;
  /** Of the whole schema; without limits while it is itself weighed. */
  #standard: Weight = { values: Number.POSITIVE_INFINITY, characters: Number.POSITIVE_INFINITY };

  constructor(schema: GraphQLSchema) {
    const { __schema: whole } = introspectionFromSchema(schema);
    this.#schema = { ...whole };
    this.#types = new Map(whole.types.map((type) => [type.name, { ...type }]));
    const operation = getOperationAST(WHOLE_SCHEMA);
    const query = schema.getQueryType();
    if (!operation || !query) throw new Error("A schema without queries cannot be asked for itself");
    const asked = askedOf(schema, WHOLE_SCHEMA, operation, {});
    const standard = { values: 0, characters: 0 };
    for (const question of fieldsOf(query, [operation.selectionSet], asked)) this.add(standard, question, asked);
    this.#standard = standard;
  }

  cost({ values, characters }: Weight): number {
    const { values: allValues, characters: allCharacters } = this.#standard;
    return Math.ceil(Math.max(values / allValues, characters / allCharacters) * WHOLE_SCHEMA_COST);
  }

  /** Adds the answer to a question. */
  add(weight: Weight, question: Selected, asked: Asked): void {
    const isType = question.field.name === "__type";
    this.#add(weight, question, [isType ? this.#types.get(argumentOf(question, "name", asked)) : this.#schema], asked);
  }

  /** Adds what is selected of all these values together, as far as anybody needs to know it. */
  #add(weight: Weight, selected: Selected, values: readonly unknown[], asked: Asked): void {
    const type = getNamedType(selected.field.type);
    const parts: Part[] = [];
    weight.values += values.length;
    weight.characters += values.length * selected.key.length;
    for (const value of values)
      if (isPart(value)) parts.push((type.name === "__Type" && this.#types.get(value["name"])) || value);
      else weight.characters += String(value).length;
    if (parts.length === 0) return;
    for (const inner of fieldsOf(type, selectionsOf(selected), asked)) {
      if (this.cost(weight) > MOST_COUNTED * WHOLE_SCHEMA_COST) return;
      this.#add(
        weight,
        inner,
        parts.flatMap((part) => part[inner.field.name]),
        asked,
      );
    }
  }
}
