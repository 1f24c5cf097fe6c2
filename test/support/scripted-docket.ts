import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { buildSchema, graphql } from "graphql";

/** One GraphQL request as it arrived. */
export interface SeenRequest {
  readonly query: string;
  readonly variables: { readonly input?: Record<string, unknown>; readonly [name: string]: unknown };
  readonly headers: IncomingMessage["headers"];
}

/** How the server treats one request; `answer` is the honest way. */
export type Misbehaviour = (response: ServerResponse, request: IncomingMessage) => void;

/** Root fields by name: what each returns, or throws, for its arguments. */
type Root = Record<string, (args: { input: Record<string, unknown> } & Record<string, unknown>) => unknown>;

/**
 * An HTTP server that answers by the printed schema with scripted values, and misbehaves on purpose: the entries of
 * `misbehave` are used up by the first requests, in order (`undefined` answers).
 */
export async function scriptedDocket(root: Root = {}, misbehave: (Misbehaviour | undefined)[] = []) {
  const schema = buildSchema(readFileSync(new URL("../../schema/schema.graphql", import.meta.url), "utf8"));
  const seen: SeenRequest[] = [];
  const pending = [...misbehave];

  const server = createServer(async (request, response) => {
    const { query, variables } = JSON.parse(await text(request));
    seen.push({ query, variables, headers: request.headers });
    const fault = pending.shift();
    if (fault !== undefined) return fault(response, request);
    const result = await graphql({ schema, source: query, variableValues: variables, rootValue: root });
    response.setHeader("content-type", "application/json").end(JSON.stringify(result));
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers with a status and no GraphQL in the body, as proxies do. */
export function status(code: number): Misbehaviour {
  return (response) => response.writeHead(code).end("<html>");
}

/** Breaks the connection before any answer. */
export const reset: Misbehaviour = (_response, request) => request.socket.resetAndDestroy();

/** Never answers. */
export const hang: Misbehaviour = () => undefined;
