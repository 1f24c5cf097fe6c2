import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import type { Services } from "../../schema/context.ts";
import type { HttpConfig } from "../config/http.ts";
import { Networks } from "../config/networks.ts";
import type { TrustedDocuments } from "../config/trusted-documents.ts";
import type { Authenticate } from "../keys/authenticate.ts";
import { arrive, callerOf } from "./caller.ts";
import { credentialsOf, type Handler, HttpRefusal, READS, type Route, redirect } from "./exchange.ts";
import { createGraphiQLScriptRoute, SCRIPT_PATH } from "./graphiql.ts";
import { createGraphQLServer } from "./graphql.ts";
import { createGraphQLRoute } from "./graphql-route.ts";
import { createHealthRoutes, type Vitals } from "./health.ts";
import { HttpExchange, urlAsked } from "./http-exchange.ts";
import type { OpenMetrics } from "./metrics/open.ts";
import { createMetricsRoute } from "./metrics/route.ts";
import { isOwnHost } from "./origin.ts";
import { openPort, type Port } from "./port.ts";
import type { PresentError } from "./present-error.ts";
import { refuse } from "./refuse.ts";
import { METHODS, refuseSocket } from "./refuse-socket.ts";
import { RequestBytes } from "./request-bytes.ts";
import { type Finished, logRequest } from "./request-log.ts";
import { inScope, openScope } from "./request-scope.ts";
import { createSignInRoute, createSignOutRoute } from "./sign-in.ts";
import { guarded, SignInGuard } from "./sign-in-guard.ts";
import { beginRequest, endRequest } from "./traces/request.ts";
import type { Traces } from "./traces/traces.ts";
import { UnreadBytes } from "./unread-bytes.ts";
import { createWebSockets, type WebSockets } from "./websocket.ts";

export interface HttpOptions {
  readonly services: Services;
  readonly authenticate: Authenticate;
  readonly http: HttpConfig;
  readonly trustedDocuments: TrustedDocuments | null;
  readonly logger: Logger;
  /** What probes are told. */
  readonly vitals: Omit<Vitals, "stopping">;
  /** null: nothing is counted. */
  readonly metrics: OpenMetrics | null;
  /** null: nothing is traced. */
  readonly traces: Traces | null;
  /** The address, where it has been taken already. */
  readonly port?: Port;
}

export interface HttpServer {
  /** Without a path, such as `http://127.0.0.1:4000`. */
  readonly url: string;
  /** No new connections from here on; those open go on. */
  stopAccepting(): Promise<void>;
  /** Ends all connections; call it once streams have ended by themselves. */
  close(): Promise<void>;
}

/** What the log says of a request whose caller went away; the number is nginx's. */
const CALLER_GONE = 499;
/** Bytes that may wait in memory until all connections of one key have read them. */
const MOST_UNREAD_BYTES = 64 * 1024 * 1024;

/** @throws Error that says what to do when the address cannot be listened on. */
export async function startHttpServer(given: HttpOptions): Promise<HttpServer> {
  const guard = new SignInGuard(given.services.limits);
  const options = { ...given, authenticate: guarded(given.authenticate, guard) };
  const { services, authenticate, http, logger } = options;
  const graphql = createGraphQLServer({ ...options, traced: options.traces !== null });
  const unread = new UnreadBytes(MOST_UNREAD_BYTES);
  const requestBytes = new RequestBytes();
  const trusted = new Networks(http.trustedProxies);
  let stopping = false;
  const finished: Finished = (request, scope) => {
    logRequest(logger, request, scope);
    options.metrics?.metrics.finished(request, scope);
    if (scope.trace) endRequest(scope, request);
  };
  const webSockets = createWebSockets({ ...options, graphql, unread, requestBytes, finished });
  const document = (which: "openapi" | "docs") =>
    lazy(async () => (await import("./rest/documents.ts")).createDocumentRoutes(authenticate)[which]);
  const routes: Routes = new Map<string, Route>([
    ["/", { methods: READS, answer: ({ response }) => redirect(response, "/graphql") }],
    ["/graphql", { methods: ["GET", "POST", "OPTIONS"], answer: createGraphQLRoute(graphql, authenticate) }],
    [SCRIPT_PATH, { methods: READS, answer: createGraphiQLScriptRoute(authenticate) }],
    ...createHealthRoutes({ ...options.vitals, stopping: () => stopping }),
    [
      "/mcp",
      {
        methods: ["POST"],
        answer: lazy(async () => (await import("./mcp.ts")).createMcpRoute({ ...options, graphql })),
      },
    ],
    ["/openapi.json", { methods: READS, answer: document("openapi") }],
    ["/docs", { methods: READS, answer: document("docs") }],
    ["/sign-in", { methods: [...READS, "POST"], answer: createSignInRoute(services.database, guard) }],
    ...metricsRoute(options),
    ["/sign-out", { methods: [...READS, "POST"], answer: createSignOutRoute(services.database, authenticate) }],
  ]);

  const elsewhere = lazy(async () => (await import("./rest/handler.ts")).createRestHandler({ graphql, authenticate }));

  const port = options.port ?? (await openPort(http));
  port.serve({
    request: (request, response) =>
      void answer(request, response, {
        routes,
        elsewhere,
        present: graphql.present,
        unread,
        requestBytes,
        options,
        trusted,
        finished,
      }),
    upgrade: (request, socket, head) => upgrade(request, socket, head, { webSockets, options, trusted, finished }),
    connect: (_request, socket) =>
      refuseSocket(socket, new HttpRefusal(405, "This server is no proxy.", { Allow: METHODS })),
    // The system may have no descriptor for one more connection.
    failed: (error) => logger.error({ err: error }, "a connection could not be taken"),
  });

  return {
    url: port.url,
    stopAccepting() {
      stopping = true;
      return port.stopAccepting();
    },
    async close() {
      await webSockets.close();
      await port.close();
    },
  };
}

/** Where metrics are read, if somebody may read them. */
function metricsRoute({ metrics }: HttpOptions): readonly (readonly [string, Route])[] {
  if (!metrics) return [];
  const answer = createMetricsRoute(metrics);
  return [["/metrics", { methods: READS, answer }]];
}

/** A connection that breaks ends with its close event. */
const ignore = () => undefined;

/** Beside the REST API: what probes, browsers and a Prometheus load has no traces. */
const TRACED = new Set(["/graphql", "/mcp"]);

type Routes = ReadonlyMap<string, Route>;

interface Answering {
  readonly routes: Routes;
  /** What answers under all other paths: the REST API. */
  readonly elsewhere: Handler;
  readonly present: PresentError;
  readonly unread: UnreadBytes;
  readonly requestBytes: RequestBytes;
  readonly options: HttpOptions;
  /** Proxies that are believed about their callers. */
  readonly trusted: Networks;
  readonly finished: Finished;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  {
    routes,
    elsewhere,
    present,
    unread,
    requestBytes,
    options: { services, http, traces },
    trusted,
    finished,
  }: Answering,
): Promise<void> {
  const scope = openScope(() => request.socket.destroy(), String(request.headers["x-request-id"] ?? ""));
  const { stallMs } = services.log;
  const exchange = new HttpExchange({ request, response, scope, unread, requestBytes, stallMs });
  // Most requests name a path as it stands in the table.
  const target = request.url ?? "/";
  const path = routes.has(target) ? target : exchange.url.pathname;
  const route = routes.get(path);
  request.on("error", ignore);
  response.on("error", ignore);
  response.setHeader("X-Request-Id", scope.requestId);
  response.setHeader("X-Content-Type-Options", "nosniff");
  // The policy is not "no-referrer", with which browsers would send Origin: null with the forms.
  response.setHeader("Referrer-Policy", "same-origin");
  const { method = "" } = request;
  if (traces && (!route || TRACED.has(path))) beginRequest(traces, scope, method, request.headers);
  arrive(request, trusted);
  const remoteAddress = callerOf(request).address;
  response.on("close", () => {
    exchange.closed();
    // A caller that went away before there was an answer never saw one.
    const statusCode = response.headersSent ? response.statusCode : CALLER_GONE;
    const params = target === path ? undefined : exchange.url.searchParams;
    finished({ method, path: route ? path : scope.path, params, statusCode, remoteAddress }, scope);
  });
  await inScope(scope, async () => {
    try {
      refuseForeignHost(request, http);
      if (route && !route.methods.includes(method)) throw wrongMethod(path, route);
      await (route?.answer ?? elsewhere)(exchange);
    } catch (error) {
      refuse(exchange, error, present);
    }
    // The bytes that the operating system has not taken yet. A stream that goes on counts its own.
    if (response.writableEnded && response.writableLength > 0) exchange.unread(response.writableLength);
  });
}

function wrongMethod(path: string, { methods }: Route): HttpRefusal {
  const allowed = methods.join(", ");
  return new HttpRefusal(405, `${path} answers ${allowed} only.`, { Allow: allowed });
}

/** What loads much, a fifth of what a server would load at its start, is brought in by the first request. */
function lazy(load: () => Promise<Handler>): Handler {
  let handler: Promise<Handler> | undefined;
  return async (exchange) => {
    handler ??= load();
    // A module that cannot be loaded now (too many files are open) may be loaded later.
    handler.catch(() => {
      handler = undefined;
    });
    await (await handler)(exchange);
  };
}

interface Upgrading extends Pick<Answering, "options" | "trusted" | "finished"> {
  readonly webSockets: WebSockets;
}

function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { webSockets, options: { http }, trusted, finished }: Upgrading,
): void {
  arrive(request, trusted);
  const { pathname, searchParams: params } = urlAsked(request);
  const isThere = pathname === "/graphql";
  try {
    refuseForeignHost(request, http);
    if (!isThere) throw new HttpRefusal(404, "WebSockets are at /graphql.");
    credentialsOf(request);
    webSockets.upgrade(request, socket, head);
  } catch (error) {
    const refusal = error instanceof HttpRefusal ? error : new HttpRefusal(400, "Not a WebSocket request.");
    refuseSocket(socket, refusal);
    const remoteAddress = callerOf(request).address;
    const path = isThere ? pathname : null;
    const scope = openScope(() => socket.destroy());
    finished({ method: "GET", path, params, statusCode: refusal.status, remoteAddress }, scope);
  }
}

function refuseForeignHost(request: IncomingMessage, http: HttpConfig): void {
  if (isOwnHost(request, http)) return;
  const name = JSON.stringify(request.headers.host ?? "");
  throw new HttpRefusal(403, `This server does not go by the name ${name}: name it in DOCKET_ALLOWED_HOSTS to use it.`);
}
