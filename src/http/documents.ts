import { type DocumentNode, GraphQLError, type GraphQLSchema, validate } from "graphql";
import type { Plugin } from "graphql-yoga";
import { keptFor } from "../kept-for.ts";
import { BAD_REQUEST, parseWithinLimits } from "./document-limits.ts";

/** Characters of all documents that are remembered; in memory each takes tens of bytes. */
const MOST_CHARACTERS = 1024 * 1024;
/** A longer document would push out too many others. */
const MOST_OF_ONE = MOST_CHARACTERS / 16;

/** Documents by their text, parsed and validated once: clients send few of them again and again. */
export class Documents {
  readonly #schema: GraphQLSchema;
  readonly #mostCharacters: number;
  /** What is wrong with the syntax is remembered as well. The document that was used last stands last. */
  readonly #byText = new Map<string, DocumentNode | GraphQLError>();
  #characters = 0;

  constructor(schema: GraphQLSchema, mostCharacters = MOST_CHARACTERS) {
    this.#schema = schema;
    this.#mostCharacters = mostCharacters;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#byText.size;
  }

  /** @throws GraphQLError with QUERY_TOO_COMPLEX, or what is wrong with the syntax. */
  lookUp(text: string): DocumentNode {
    const found = this.#byText.get(text) ?? read(text);
    this.#remember(text, found);
    if (found instanceof GraphQLError) throw found;
    return found;
  }

  /** What validation has against a document that was looked up; it is executed only where that is nothing. */
  faultsOf(document: DocumentNode): readonly GraphQLError[] {
    return faultsOf(document, this.#schema);
  }

  #remember(text: string, found: DocumentNode | GraphQLError): void {
    if (this.#byText.delete(text)) this.#characters -= text.length;
    if (text.length > MOST_OF_ONE) return;
    this.#byText.set(text, found);
    this.#characters += text.length;
    for (const [oldest] of this.#byText) {
      if (this.#characters <= this.#mostCharacters) break;
      this.#byText.delete(oldest);
      this.#characters -= oldest.length;
    }
  }
}

/** Lets Yoga, and WebSockets through it, look documents up as well. */
export function useDocuments(documents: Documents): Plugin {
  return {
    onParse({ setParseFn }) {
      setParseFn((source) => documents.lookUp(typeof source === "string" ? source : source.body));
    },
    onValidate({ params: { documentAST }, setResult }) {
      setResult(documents.faultsOf(documentAST));
    },
  };
}

function read(text: string): DocumentNode | GraphQLError {
  try {
    return parseWithinLimits(text);
  } catch (error) {
    if (error instanceof GraphQLError) return asBadRequest(error);
    throw error;
  }
}

const faultsOf = keptFor((document: DocumentNode, schema: GraphQLSchema) =>
  validate(schema, document).map(asBadRequest),
);

/** A document that is wrong has a status of its own for those who expect statuses as GraphQL over HTTP has them. */
function asBadRequest({ message, nodes, source, positions, extensions }: GraphQLError): GraphQLError {
  return new GraphQLError(message, { nodes, source, positions, extensions: { http: BAD_REQUEST, ...extensions } });
}
