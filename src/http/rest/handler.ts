import type { ServerResponse } from "node:http";
import { type ExecutionResult, GraphQLError } from "graphql";
import { asRequester, Requester } from "../../db/requester.ts";
import type { Authenticate } from "../../keys/authenticate.ts";
import { allowOrigin } from "../cors.ts";
import { comeBackMs } from "../event-stream.ts";
import { credentialsOf, type Exchange, HttpRefusal, readBody, sendJson } from "../exchange.ts";
import type { GraphQLServer } from "../graphql.ts";
import { REQUEST_BYTES } from "../request-bytes.ts";
import type { RequestContext } from "../request-context.ts";
import { identify } from "../request-scope.ts";
import { type FailureToSend, failureOf } from "./failure.ts";
import { requireJson, versionAsked } from "./parameters.ts";
import { type CallRoute, onlyReads, type RestRoute, type StreamRoute } from "./route.ts";
import { type Found, placeAt } from "./routes.ts";
import { StreamFrames } from "./stream-frames.ts";
import { wordingFor } from "./vocabulary.ts";

interface RestOptions {
  readonly graphql: GraphQLServer;
  readonly authenticate: Authenticate;
}

/** The session of callers who name none: what a key claims by one call it may complete by the next. */
const SESSION = "rest";

/** The REST API: each request runs the GraphQL document of its route, as every other way does. */
export function createRestHandler({ graphql, authenticate }: RestOptions): (exchange: Exchange) => Promise<void> {
  return async (exchange) => {
    const { request, response, scope } = exchange;
    const place = placeAt(exchange.url.pathname);
    scope.path = place?.path ?? null;
    const allowed = place ? methodsOf(place) : [];
    allowPages(exchange, graphql, allowed);
    let route: RestRoute | undefined;
    try {
      if (!place) throw new HttpRefusal(404, `Nothing is at ${exchange.url.pathname}. /docs says what there is.`);
      if (request.method === "OPTIONS") return preflight(response, allowed);
      route = routeFor(place, request.method);
      if (!route) {
        const methods = allowed.join(", ");
        throw new HttpRefusal(405, `${place.path} answers ${methods} only.`, { Allow: methods });
      }
      await authenticated(exchange, authenticate);
      exchange.keep(REQUEST_BYTES);
      const path = partsOf(place);
      if ("call" in route) await answer(exchange, graphql, route, path);
      else await stream(exchange, graphql, route);
    } catch (error) {
      // A request that was cut short because its caller went away is no fault.
      if (response.destroyed) return;
      const { status, body, headers } = refusalOf(error, graphql, exchange, route);
      if (response.headersSent) response.destroy();
      else sendJson(response, status, body, { ...headers });
    }
  };
}

const methodsOf = ({ routes }: Found) => [
  ...[...routes].flatMap(([method, route]) => (mayLook(route) ? [method, "HEAD"] : [method])),
  "OPTIONS",
];

/** Whether asking for the head alone changes nothing. */
const mayLook = (route: RestRoute) => route.method === "GET" && "call" in route && onlyReads(route);

function routeFor({ routes }: Found, method = ""): RestRoute | undefined {
  if (method !== "HEAD") return routes.get(method);
  const route = routes.get("GET");
  return route && mayLook(route) ? route : undefined;
}

/** Lets pages of configured origins read what is answered, refusals as well. */
function allowPages(exchange: Exchange, graphql: GraphQLServer, methods: readonly string[]): void {
  const { response } = exchange;
  allowOrigin(exchange, graphql.cors);
  if (response.hasHeader("Access-Control-Allow-Origin"))
    response.setHeader("Access-Control-Allow-Methods", methods.join(", "));
}

function preflight(response: ServerResponse, methods: readonly string[]): void {
  response.writeHead(204, { Allow: methods.join(", "), "Content-Length": "0" }).end();
}

async function authenticated({ request, scope }: Exchange, authenticate: Authenticate): Promise<void> {
  const { viewer, ...rest } = await authenticate(credentialsOf(request));
  identify(scope, { ...rest, viewer: { ...viewer, client: viewer.client ?? SESSION } });
}

function partsOf({ parts }: Found): Readonly<Record<string, string>> {
  try {
    return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, decodeURIComponent(part)]));
  } catch {
    throw new HttpRefusal(400, "The path is not percent-encoded UTF-8.");
  }
}

const headerOf = ({ request }: Exchange, name: string) => String(request.headers[name] ?? "") || null;

const contextOf = (exchange: Exchange): RequestContext => ({
  scope: exchange.scope,
  idempotencyKey: headerOf(exchange, "idempotency-key"),
  lastEventId: headerOf(exchange, "last-event-id"),
  tellCost: false,
});

async function answer(
  exchange: Exchange,
  graphql: GraphQLServer,
  route: CallRoute,
  path: Readonly<Record<string, string>>,
): Promise<void> {
  const { request, response, scope } = exchange;
  const expectedVersion = route.takesIfMatch ? versionAsked(request.headers["if-match"]) : undefined;
  if (route.body) requireJson(request.headers["content-type"]);
  const body = route.body ? await readBody(exchange) : Buffer.alloc(0);
  const context = contextOf(exchange);
  let asked = 0;
  const ask = async (variables: unknown) => {
    const run = () => graphql.run({ query: route.document, variables: inJson(variables) }, context);
    // Of a long list each page has the limits of a request of its own.
    asked += 1;
    const result = asked === 1 ? await run() : await asRequester(requesterOf(exchange), run);
    return dataOf(result);
  };
  const sent = { path, query: exchange.url.searchParams, body, expectedVersion };
  const { body: answered, version } = await route.call(sent, ask);
  // A page that was too large and was asked for in parts is no fault.
  scope.code = null;
  sendJson(response, 200, answered, version === undefined ? {} : { ETag: `"${version}"` });
}

const requesterOf = ({ scope }: Exchange) =>
  new Requester(scope.authentication?.viewer.actor ?? "", { gone: scope.gone });

/** As they would come over HTTP: what is undefined is left out. */
const inJson = (variables: unknown) => JSON.parse(JSON.stringify(variables)) as Record<string, unknown>;

/** @throws GraphQLError the first error, as its caller may see it. */
function dataOf(result: ExecutionResult | null): unknown {
  if (!result) throw new Error("A route that answers once cannot subscribe");
  const [error] = result.errors ?? [];
  if (error) throw error;
  return result.data;
}

async function stream(exchange: Exchange, graphql: GraphQLServer, route: StreamRoute): Promise<void> {
  const frames = new StreamFrames(exchange, graphql.present, route, (error) => failureOf(error, wordingFor(route)));
  const variables = route.variables(exchange.url.searchParams);
  const result = await graphql.subscribe({ query: route.document, variables }, { ...contextOf(exchange), frames });
  if (result) dataOf(result);
  // An open stream has a limit of its own; its events may come for days.
  exchange.release();
  frames.run(comeBackMs());
}

function refusalOf(
  error: unknown,
  graphql: GraphQLServer,
  { scope }: Exchange,
  route: RestRoute | undefined,
): FailureToSend {
  if (!(error instanceof HttpRefusal))
    return failureOf(error instanceof GraphQLError ? error : graphql.present(error), wordingFor(route));
  const { status, message, headers } = error;
  scope.code ??= "BAD_USER_INPUT";
  return { status, body: { success: false, error: message, code: scope.code }, headers };
}
