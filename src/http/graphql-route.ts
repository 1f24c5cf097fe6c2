import type { IncomingMessage } from "node:http";
import type { ExecutionResult } from "graphql";
import { parseExactly } from "../../client/exact-json.ts";
import type { Authenticate } from "../keys/authenticate.ts";
import { allowOrigin } from "./cors.ts";
import { answerOnce, streamWords, wantsEvents } from "./event-stream.ts";
import { asksCost, credentialsOf, type Exchange, type Handler, readBody, sendJson } from "./exchange.ts";
import { sendGraphiQL, wantsGraphiQL } from "./graphiql.ts";
import type { GraphQLServer } from "./graphql.ts";
import { EventFrames } from "./live/event-frames.ts";
import { retryAfter } from "./rate-limits.ts";
import { REQUEST_BYTES } from "./request-bytes.ts";
import { identify } from "./request-scope.ts";
import type { OperationParams } from "./run.ts";
import { isEventStream, sendWebResponse, toWebRequest } from "./web.ts";

/**
 * `/graphql` over HTTP. JSON that is posted, answered in JSON, is what clients do all day: it is read and answered here,
 * without the objects of the web. Whatever else there is (GET, forms, streams, a body that is no request, types that
 * nobody can be sent) is Yoga's; both ways run the same operations.
 */
export function createGraphQLRoute(graphql: GraphQLServer, authenticate: Authenticate): Handler {
  return async (exchange) => {
    if (wantsGraphiQL(exchange)) return await sendGraphiQL(exchange, authenticate);
    const { request, scope } = exchange;
    const idempotencyKey = String(request.headers["idempotency-key"] ?? "") || null;
    const lastEventId = String(request.headers["last-event-id"] ?? "") || null;
    // Nothing but a preflight gets past without credentials, and nobody's body is taken in before them.
    if (request.method !== "OPTIONS") {
      const credentials = credentialsOf(request);
      try {
        identify(scope, await authenticate(credentials));
      } catch (refusal) {
        return await sendSignInRefusal(exchange, refusal, graphql);
      }
      exchange.keep(REQUEST_BYTES);
    }
    const context = { scope, idempotencyKey, lastEventId, tellCost: asksCost(request) };
    const body = request.method === "POST" ? await readBody(exchange) : null;
    const type = body && answerTypeOf(request);
    const params = body && type && paramsIn(body);
    const result = params && (await graphql.run(params, context));
    if (type && result) return await sendResult(exchange, { result, type, graphql });
    const frames = new EventFrames(exchange, graphql.present);
    const answer = await graphql.fetch(toWebRequest(exchange, body), { ...context, frames });
    if (!frames.streams || !isEventStream(answer)) return await sendWebResponse(exchange, answer);
    // An open stream has a limit of its own; its frames may come for days.
    exchange.release();
    frames.run(answer, streamWords());
  };
}

/**
 * Tells a caller why it is not let in, where a page of another origin may read it, too: in plain JSON, whatever was asked
 * for, but for outages and limits in a stream. It runs nothing: who tries one key after another is not to cost others much.
 */
async function sendSignInRefusal(exchange: Exchange, refusal: unknown, graphql: GraphQLServer): Promise<void> {
  const { request, response } = exchange;
  allowOrigin(exchange, graphql.cors);
  const shown = graphql.present(refusal);
  const { code, retryAfterMs } = shown.extensions;
  const refused = { errors: [shown] };
  if (code === "UNAUTHENTICATED") return sendJson(response, 401, refused, { "WWW-Authenticate": "Bearer" });
  // An outage must not make an EventSource give up.
  if (wantsEvents(request.headers.accept?.toLowerCase() ?? null))
    return await sendWebResponse(exchange, answerOnce(toWebRequest(exchange, null), refused));
  if (code === "RATE_LIMITED") return sendJson(response, 429, refused, retryAfter(Number(retryAfterMs)));
  sendJson(response, 500, refused);
}

/** What may be posted as it is read here. */
const JSON_BODY = /^application\/json(?: *; *charset=utf-8)?$/i;

/** The first type of `Accept`, and what it is answered with; the rest is only looked at where this is none of them. */
const ANSWERS: ReadonlyMap<string, string> = new Map([
  ["*/*", "application/json"],
  ["application/*", "application/json"],
  ["application/json", "application/json"],
  ["application/graphql-response+json", "application/graphql-response+json"],
]);

/** The type of the answer to posted JSON; undefined where there is more to judge than that. */
function answerTypeOf({ headers }: IncomingMessage): string | undefined {
  const { "content-type": sent = "", "last-event-id": resumed } = headers;
  const accept = (headers.accept || "*/*").toLowerCase();
  if (!JSON_BODY.test(sent) || resumed !== undefined || wantsEvents(accept)) return undefined;
  const [first = ""] = accept.split(",", 1);
  return ANSWERS.get(first.replace(/; *charset=utf-8$/, "").trim());
}

/** The parameters of the request; undefined for a body that is no request, which has many ways to be wrong. */
function paramsIn(body: Buffer): OperationParams | undefined {
  let sent: unknown;
  try {
    sent = parseExactly(body.toString());
  } catch {
    return undefined;
  }
  if (!isObject(sent)) return undefined;
  const { query, variables, operationName, extensions, ...rest } = sent;
  if (typeof query !== "string" || Object.keys(rest).length > 0) return undefined;
  if (!isAbsent(operationName) && typeof operationName !== "string") return undefined;
  if (!isAbsent(extensions) && !isObject(extensions)) return undefined;
  return isAbsent(variables) || isObject(variables) ? { query, variables, operationName } : undefined;
}

const isAbsent = (value: unknown): value is null | undefined => value === null || value === undefined;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

interface ResultToSend {
  readonly result: ExecutionResult;
  readonly type: string;
  readonly graphql: GraphQLServer;
}

/** Writes the answer at once. Errors may have a status and headers of their own, by the rules that hold for all. */
async function sendResult(exchange: Exchange, { result, type, graphql }: ResultToSend): Promise<void> {
  const { response } = exchange;
  allowOrigin(exchange, graphql.cors);
  if (result.errors) return await sendWebResponse(exchange, graphql.answer(result, type));
  const text = JSON.stringify(result);
  response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "content-length": Buffer.byteLength(text) });
  response.end(text);
}
