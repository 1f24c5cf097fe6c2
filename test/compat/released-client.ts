import { readFileSync } from "node:fs";
import { type DocumentNode, Kind, parse, print, separateOperations } from "graphql";
import { expect } from "vitest";
import { nextOf, subscribe } from "../support/event-stream.ts";
import type { Asking, TestServer } from "../support/server.ts";

/** A value that a document is sent with. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** What it sent once. */
export interface Sent {
  readonly document: DocumentNode;
  readonly variables: Readonly<Record<string, Json>>;
}

/** A client in use: it sends the operations of one file as they were released. */
export interface ReleasedClient {
  /** The operations that it has not sent yet. */
  readonly left: ReadonlySet<string>;
  readonly sent: readonly Sent[];
  /**
   * Sends an operation, as an admin unless told. Fails for an error and for a root field without an answer; of a
   * subscription the first frame counts.
   */
  send<Data = unknown>(operation: string, variables?: Readonly<Record<string, Json>>, asking?: Asking): Promise<Data>;
}

/** The documents of one file of `test/compat/`, by the name of their operation. */
export const releasedDocuments = (name: "mcp" | "readme" | "wide"): Readonly<Record<string, DocumentNode>> =>
  separateOperations(parse(readFileSync(`test/compat/${name}.graphql`, "utf8")));

export function releasedClient(server: TestServer, name: Parameters<typeof releasedDocuments>[0]): ReleasedClient {
  const documents = releasedDocuments(name);
  const left = new Set(Object.keys(documents));
  const sent: Sent[] = [];
  return {
    left,
    sent,
    async send<Data>(operation: string, variables = {}, asking: Asking = {}) {
      const document = documents[operation];
      if (!document) throw new Error(`${name}.graphql has no operation ${operation}`);
      left.delete(operation);
      sent.push({ document, variables });
      const isStream = document.definitions.some(
        (definition) => definition.kind === Kind.OPERATION_DEFINITION && definition.operation === "subscription",
      );
      const { data, errors } = isStream
        ? await firstFrame(server, print(document), variables)
        : await server.gql<Record<string, unknown>>(print(document), variables, { key: server.adminKey, ...asking });
      expect([operation, errors]).toEqual([operation, undefined]);
      expect([operation, Object.values(data)]).toEqual([operation, expect.not.arrayContaining([null])]);
      // The caller knows what the operation selects.
      return data as Data;
    },
  };
}

async function firstFrame(server: TestServer, query: string, variables: object) {
  const { events, leave } = await subscribe(server.url, query, { key: server.adminKey, variables });
  const frame: { data: Record<string, unknown>; errors?: unknown } = JSON.parse((await nextOf(events)).data);
  leave();
  return frame;
}
