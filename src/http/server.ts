import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { GraphQLError } from "graphql";
import type { Logger } from "pino";
import type { Services } from "../../schema/context.ts";
import type { HttpConfig } from "../config.ts";
import type { Authenticate } from "../keys/authenticate.ts";
import { credentialsOf, type Exchange, type Handler, HttpRefusal, redirect, sendJson } from "./exchange.ts";
import { sendGraphiQL, wantsGraphiQL } from "./graphiql.ts";
import { createGraphQLServer, type GraphQLServer } from "./graphql.ts";
import { createHealthRoute } from "./health.ts";
import { createMcpRoute } from "./mcp.ts";
import { isOwnHost } from "./origin.ts";
import type { PresentError } from "./present-error.ts";
import { logRequest } from "./request-log.ts";
import { inScope, openScope } from "./request-scope.ts";
import { createSignInRoute, createSignOutRoute } from "./sign-in.ts";
import { sendWebResponse, toWebRequest } from "./web.ts";
import { createWebSockets, type WebSockets } from "./websocket.ts";

export interface HttpOptions {
  readonly services: Services;
  readonly authenticate: Authenticate;
  readonly http: HttpConfig;
  readonly logger: Logger;
}

export interface HttpServer {
  /** Without a path, such as `http://127.0.0.1:4000`. */
  readonly url: string;
  /** No new connections from here on; those open go on. */
  stopAccepting(): void;
  /** Ends all connections; call it once streams have ended by themselves. */
  close(): Promise<void>;
}

/** What the log says of a request whose caller went away; the number is nginx's. */
const CALLER_GONE = 499;
/** How long requests under way may take to end when the server stops, in milliseconds. */
const PATIENCE_MS = 5_000;

/** @throws Error of the operating system when the address cannot be listened on. */
export async function startHttpServer(options: HttpOptions): Promise<HttpServer> {
  const { services, authenticate, http, logger } = options;
  const graphql = createGraphQLServer(options);
  const webSockets = createWebSockets({ graphql, authenticate, log: services.log, logger });
  const routes = new Map<string, Handler>([
    ["/", ({ response }) => redirect(response, "/graphql")],
    ["/graphql", createGraphQLRoute(graphql, authenticate)],
    ["/health", createHealthRoute(services.database)],
    ["/mcp", createMcpRoute({ graphql, authenticate, http })],
    ["/sign-in", createSignInRoute(services.database)],
    ["/sign-out", createSignOutRoute(services.database, authenticate)],
  ]);

  const server = createServer({ requestTimeout: 30_000, noDelay: true });
  server.on("request", (request, response) => void answer(request, response, routes, graphql, options));
  server.on("upgrade", (request, socket, head) => upgrade(request, socket, head, webSockets, http));
  await listen(server, http);
  const closed = new Promise((resolve) => server.once("close", resolve));

  return {
    url: urlOf(server, http),
    stopAccepting: () => void server.close(),
    async close() {
      await webSockets.close();
      if (server.listening) server.close();
      server.closeIdleConnections();
      const patience = setTimeout(() => server.closeAllConnections(), PATIENCE_MS);
      await closed;
      clearTimeout(patience);
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: ReadonlyMap<string, Handler>,
  { present }: GraphQLServer,
  { services: { log }, http, logger }: HttpOptions,
): Promise<void> {
  const scope = openScope(String(request.headers["x-request-id"] ?? ""));
  const url = URL.parse(request.url ?? "/", `http://${request.headers.host}`) ?? new URL("http://invalid/invalid");
  response.setHeader("X-Request-Id", scope.requestId);
  response.setHeader("X-Content-Type-Options", "nosniff");
  // Not "no-referrer": browsers would then send Origin: null with the forms.
  response.setHeader("Referrer-Policy", "same-origin");
  // Nothing of what waits has left for so long: the caller does not read, and would be waited for without end.
  response.setTimeout(log.stallMs, () => {
    if (response.writableLength > 0) response.destroy();
  });
  const { method = "" } = request;
  const { remoteAddress } = request.socket;
  response.once("close", () => {
    const { pathname: path, searchParams: params } = url;
    // Who went away before there was an answer never saw one.
    const statusCode = response.headersSent ? response.statusCode : CALLER_GONE;
    logRequest(logger, { method, path, params, statusCode, remoteAddress }, scope);
  });
  await inScope(scope, async () => {
    try {
      if (!isOwnHost(request, http)) throw new HttpRefusal(403, foreignHost(request));
      const route = routes.get(url.pathname);
      if (!route)
        throw new HttpRefusal(404, `Nothing is at ${url.pathname}. There are: ${[...routes.keys()].join(" ")}`);
      await route({ request, response, url, scope });
    } catch (error) {
      refuse({ request, response, url, scope }, error, present);
    }
  });
}

/** An answer for what no handler could answer itself. */
function refuse({ response, scope }: Exchange, error: unknown, present: PresentError): void {
  // What was cut short because its caller went away is no fault.
  if (response.destroyed) return;
  if (error instanceof HttpRefusal) {
    scope.code ??= "BAD_USER_INPUT";
    const extensions = { code: scope.code, retryable: false };
    if (!response.headersSent) sendRefusal(response, error.status, { message: error.message, extensions });
    return;
  }
  const shown = present(error);
  if (response.headersSent) response.destroy();
  else sendRefusal(response, 500, shown);
}

/** The shape of GraphQL's errors, so that its clients find the message; `error` for all others. */
function sendRefusal(
  response: ServerResponse,
  status: number,
  error: Pick<GraphQLError, "message" | "extensions">,
): void {
  // What is left of the request is not read.
  response.setHeader("Connection", "close");
  sendJson(response, status, { error: error.message, errors: [error] });
}

function createGraphQLRoute(graphql: GraphQLServer, authenticate: Authenticate): Handler {
  return async (exchange) => {
    if (wantsGraphiQL(exchange)) return await sendGraphiQL(exchange, authenticate);
    const { request, scope } = exchange;
    const idempotencyKey = String(request.headers["idempotency-key"] ?? "") || null;
    const lastEventId = String(request.headers["last-event-id"] ?? "") || null;
    const credentials = request.method === "OPTIONS" ? NO_CREDENTIALS : credentialsOf(request);
    const context = { scope, idempotencyKey, lastEventId, credentials };
    const answer = await graphql.fetch(await toWebRequest(exchange), context);
    await sendWebResponse(exchange, answer);
  };
}

const NO_CREDENTIALS = { authorization: null, session: null, client: null };

function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  webSockets: WebSockets,
  http: HttpConfig,
): void {
  try {
    if (!isOwnHost(request, http)) throw new HttpRefusal(403, foreignHost(request));
    if (URL.parse(request.url ?? "", "http://localhost")?.pathname !== "/graphql")
      throw new HttpRefusal(404, "WebSockets are at /graphql.");
    credentialsOf(request);
    webSockets.upgrade(request, socket, head);
  } catch (error) {
    const { status, message } = error instanceof HttpRefusal ? error : new HttpRefusal(400, "Not a WebSocket request.");
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(message)}\r\n\r\n${message}`,
    );
  }
}

function foreignHost({ headers }: IncomingMessage): string {
  return `This server does not go by the name ${JSON.stringify(headers.host ?? "")}: name it in DOCKET_ALLOWED_HOSTS to use it.`;
}

function listen(server: Server, { host, port }: HttpConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function urlOf(server: Server, { host }: HttpConfig): string {
  const { port } = server.address() as AddressInfo;
  // An address that stands for all of them is no address to go to.
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
