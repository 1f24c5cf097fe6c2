import { hash } from "node:crypto";
import { type DocumentNode, GraphQLError, type GraphQLSchema, validate } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { TrustedDocuments } from "../config/trusted-documents.ts";
import { badInput, forbidden } from "../errors.ts";
import { keptFor } from "../kept-for.ts";
import { BAD_REQUEST, parseWithinLimits } from "./document-limits.ts";

/** Characters of all documents that are remembered; in memory each takes tens of bytes. */
const MOST_CHARACTERS = 1024 * 1024;
/** A longer document would push out too many others. */
const MOST_OF_ONE = MOST_CHARACTERS / 16;

/** Documents by their text, parsed and validated once: clients send few of them again and again. */
export class Documents {
  readonly #schema: GraphQLSchema;
  readonly #trusted: TrustedDocuments | null;
  readonly #mostCharacters: number;
  /** What is wrong with the syntax is remembered as well. The document that was used last stands last. */
  readonly #byText = new Map<string, DocumentNode | GraphQLError>();
  #characters = 0;

  /** @param trusted the only documents that are looked up; null: all. */
  constructor(schema: GraphQLSchema, trusted: TrustedDocuments | null = null, mostCharacters = MOST_CHARACTERS) {
    this.#schema = schema;
    this.#trusted = trusted;
    this.#mostCharacters = mostCharacters;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#byText.size;
  }

  /**
   * @param sent the text of a document, or of a trusted one `sha256:` and its hash.
   * @throws GraphQLError with QUERY_TOO_COMPLEX, or what is wrong with the syntax; FORBIDDEN for what is not trusted.
   */
  lookUp(sent: string): DocumentNode {
    const found = this.#byText.get(sent) ?? read(textOf(sent, this.#trusted));
    this.#remember(sent, found);
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

/** How a trusted document is named in place of its text. */
const NAMED = /^sha256:([0-9a-f]{64})$/;

function textOf(sent: string, trusted: TrustedDocuments | null): string {
  const named = NAMED.exec(sent)?.[1];
  const text = named === undefined ? sent : trusted?.get(named);
  if (text !== undefined && (trusted === null || trusted.has(hash("sha256", text)))) return text;
  const refusal =
    trusted === null
      ? badInput("This server keeps no documents by their hash: send the text of the document.")
      : forbidden(
          "This server takes only the documents of its DOCKET_TRUSTED_DOCUMENTS, letter by letter or by their hash, and this is none of them: ask who runs it to add it.",
        );
  throw new GraphQLError(refusal.message, { originalError: refusal });
}

/**
 * Takes what names a trusted document in other words: `documentId` of GraphQL over HTTP, and the extension
 * `persistedQuery` of Apollo's clients.
 */
export function useDocumentIds(): Plugin {
  return {
    onParams({ request, params, setParams }) {
      const { query, documentId, ...rest } = params as typeof params & { readonly documentId?: unknown };
      if (query !== undefined) return;
      const id = documentId ?? new URL(request.url).searchParams.get("documentId") ?? apolloHash(params.extensions);
      if (typeof id === "string") setParams({ ...rest, query: id.startsWith("sha256:") ? id : `sha256:${id}` });
    },
  };
}

const apolloHash = (extensions: unknown): unknown => {
  const { persistedQuery } = (extensions ?? {}) as { readonly persistedQuery?: { readonly sha256Hash?: unknown } };
  return persistedQuery?.sha256Hash;
};

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
