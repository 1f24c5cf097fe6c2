import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { CancelledNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { parseExactly } from "../../client/exact-json.ts";
import { ServerError } from "../../client/faults.ts";
import { createRequestBy, type TraceCarrier } from "../../client/request.ts";
import { UnansweredCalls } from "../../mcp/idempotency.ts";
import type { Toolset } from "../../mcp/registry.ts";
import { createMcpServer, type FinishedCall } from "../../mcp/server.ts";
import { shortened } from "../../mcp/text.ts";
import { readToolsets, UnknownToolset } from "../../mcp/toolsets.ts";
import type { HttpConfig } from "../config/http.ts";
import { asRequester, Requester } from "../db/requester.ts";
import { DocketError } from "../errors.ts";
import type { Authenticate, Authentication } from "../keys/authenticate.ts";
import { credentialsOf, type Exchange, type Handler, HttpRefusal, readBody, sendJson } from "./exchange.ts";
import type { GraphQLServer } from "./graphql.ts";
import { mayCallFromPage } from "./origin.ts";
import { withoutStatus } from "./present-error.ts";
import { identify, type RequestScope } from "./request-scope.ts";
import type { OperationParams } from "./run.ts";
import type { OpenSpan } from "./traces/open-span.ts";
import type { Traces } from "./traces/traces.ts";
import { sendWebResponse, toWebRequest } from "./web.ts";

interface McpRouteOptions {
  readonly graphql: GraphQLServer;
  readonly authenticate: Authenticate;
  readonly http: HttpConfig;
  /** null: nothing is traced. */
  readonly traces: Traces | null;
}

/** What each call costs beside what was sent: it has a server of its own. */
const CALL_BYTES = 128 * 1024;

/** JSON-RPC's range for errors of the implementation. */
const UNAUTHORIZED = -32_001;

/**
 * `/mcp`: the MCP tools over Streamable HTTP, without sessions. Each request has a server of its own and acts with its
 * caller's key, so nothing of one caller can reach another.
 * What is remembered across requests are the keys of calls whose answer could not be sent, so that repeating one is
 * safe; a proxy that swallows an answer goes unnoticed here, and against that a client sends Idempotency-Key.
 */
export function createMcpRoute({ graphql, authenticate, http, traces }: McpRouteOptions): Handler {
  const unanswered = new UnansweredCalls();

  return async (exchange) => {
    const { request, scope } = exchange;
    if (!mayCallFromPage(request, http))
      throw new HttpRefusal(403, "Pages of this origin may not call /mcp; DOCKET_CORS_ORIGINS lets them in.");
    const authentication = await authenticated(exchange, authenticate);
    if (!authentication) return;
    identify(scope, authentication);
    const toolsets = toolsetsOf(request);
    exchange.keep(CALL_BYTES);
    const body = await readBody(exchange);
    const message = parsed(body);
    const twice = idTwice(message.parsedBody);
    if (twice !== undefined)
      throw new HttpRefusal(
        400,
        `Two messages of the batch have the id ${shortened(JSON.stringify(twice), 60)}, and only one of them could be answered: give each its own.`,
      );
    const webRequest = toWebRequest(exchange, body);
    // It is answered in JSON at once, whichever of its two types a client was told to accept.
    webRequest.headers.set("accept", "application/json, text/event-stream");

    const { actor, client } = authentication.viewer;
    const requestIn = (trace: OpenSpan | null) =>
      createRequestBy(async ({ query, variables }, given) => {
        // What the tool has given up, to ask again perhaps, must not go on beside that.
        const gone = AbortSignal.any([scope.gone, given]);
        // As they would come over HTTP: what is undefined is left out.
        const params = { query, variables: parseExactly(JSON.stringify(variables)) as OperationParams["variables"] };
        const context = { scope, idempotencyKey: null, lastEventId: null, tellCost: false, trace };
        // One tool may ask several times, smaller where the first was too much: each has the limits of one request.
        const result = await asRequester(new Requester(actor, { gone }), () => graphql.run(params, context));
        if (!result) throw new Error("A tool cannot subscribe: its answer comes at once");
        return { status: 200, data: result.data, errors: result.errors?.map(withoutStatus) };
      });
    const tracedBy = (by: Traces) => (tool: string, meta: TraceCarrier) => {
      const named = { "mcp.method.name": "tools/call", "gen_ai.tool.name": tool };
      const span = by.begin(`tools/call ${tool}`, named, meta, scope.trace);
      const finished = (call: FinishedCall) => {
        span?.end({ code: codeOf(call) });
        note(call, scope);
      };
      return { request: requestIn(span), finished };
    };
    const server = createMcpServer({
      request: requestIn(null),
      toolsets,
      keys: {
        unanswered,
        actor,
        client,
        given: webRequest.headers.get("idempotency-key") || undefined,
        batch: Array.isArray(message.parsedBody),
        gone: scope.gone,
      },
      finished: (call) => note(call, scope),
      ...(traces && { ofCall: tracedBy(traces) }),
    });
    // Only a batch could cancel what it asks for itself, and its answer would be waited for in vain.
    server.setNotificationHandler(CancelledNotificationSchema, () => undefined);
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
    try {
      await server.connect(transport);
      await sendWebResponse(exchange, await transport.handleRequest(webRequest, message));
    } finally {
      await server.close();
    }
  };
}

/** Those that the client chooses. @throws HttpRefusal for one that there is not. */
function toolsetsOf({ headers }: Exchange["request"]): readonly Toolset[] {
  try {
    return readToolsets(headers["x-mcp-toolsets"]?.toString());
  } catch (error) {
    if (error instanceof UnknownToolset) throw new HttpRefusal(400, `X-MCP-Toolsets: ${error.message}`);
    throw error;
  }
}

/** The message with its numbers as they came; nothing for what is no JSON, which the transport refuses in its own words. */
function parsed(body: Buffer): { parsedBody?: unknown } {
  try {
    return { parsedBody: parseExactly(body.toString()) };
  } catch {
    return {};
  }
}

/** An id that two messages of a batch have. */
function idTwice(body: unknown): unknown {
  if (!Array.isArray(body)) return undefined;
  const seen = new Set();
  return body
    .map((message) => message?.id)
    .filter((id) => id !== undefined)
    .find((id) => seen.size === seen.add(id).size);
}

/** The caller, undefined when it was refused. A browser's cookie is not for programs. */
async function authenticated(exchange: Exchange, authenticate: Authenticate): Promise<Authentication | undefined> {
  const { request, response, scope } = exchange;
  try {
    return await authenticate({ ...credentialsOf(request), session: null });
  } catch (error) {
    if (!(error instanceof DocketError) || error.code !== "UNAUTHENTICATED") throw error;
    scope.code = error.code;
    const message = `Docket API error: 401 - Unauthorized. ${error.message}`;
    sendJson(
      response,
      401,
      { jsonrpc: "2.0", error: { code: UNAUTHORIZED, message }, id: null },
      { "WWW-Authenticate": "Bearer" },
    );
    return undefined;
  }
}

/** By OpenTelemetry's word for a tool that refused what it was given. */
const codeOf = ({ error }: FinishedCall) =>
  error === undefined ? null : error instanceof ServerError ? error.code : "tool_error";

/** A request's log line names the tool, not the GraphQL documents it sent. */
function note({ tool, error }: FinishedCall, scope: RequestScope): void {
  scope.operation = tool;
  if (error instanceof ServerError) scope.code ??= error.code;
}
