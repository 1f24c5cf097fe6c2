import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ExecutionArgs, type GraphQLError, getOperationAST } from "graphql";
import { CloseCode, type ConnectionInitMessage, type Context, handleProtocols, makeServer } from "graphql-ws";
import type { Logger } from "pino";
import { type WebSocket, WebSocketServer } from "ws";
import { badInput, rateLimited, unauthenticated } from "../errors.ts";
import type { Authenticate, Authentication, Credentials } from "../keys/authenticate.ts";
import type { Log } from "../log/log.ts";
import { clientIdFault, credentialsOf, MOST_BODY_BYTES } from "./exchange.ts";
import type { GraphQLServer, OperationParams } from "./graphql.ts";
import { logRequest } from "./request-log.ts";
import { currentScope, identify, inScope, openScope, type RequestScope } from "./request-scope.ts";
import { untilUnshown } from "./until-unshown.ts";

interface WebSocketOptions {
  readonly graphql: GraphQLServer;
  readonly authenticate: Authenticate;
  readonly log: Log;
  readonly logger: Logger;
}

/** What belongs to one connection. */
interface Connection {
  readonly socket: WebSocket;
  readonly remoteAddress: string | undefined;
  credentials: Credentials;
  /** Messages that are not answered yet, or whose answer waits to be read. Open streams have a limit of their own. */
  readonly underWay: Set<RequestScope>;
  /** Ends the watch over the key; set once the connection is authenticated. */
  release: () => void;
}

/** One operation, ready to run. */
interface Prepared {
  readonly enveloped: ReturnType<GraphQLServer["prepare"]>;
  /** To be called once its stream is open. */
  readonly streams: () => void;
}

type Connected = Context<ConnectionInitMessage["payload"], Connection>;

export interface WebSockets {
  /** Takes over a connection that asks to be upgraded. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes all connections; clients come back elsewhere or later. */
  close(): Promise<void>;
}

/** Milliseconds between pings; a connection that leaves one unanswered until the next is ended. */
const PING_MS = 12_000;
/** Close codes beside those of the protocol: the server goes away, or cannot tell now who asks. */
const GOING_AWAY = 1001;
const TRY_AGAIN_LATER = 1013;
/** A WebSocket's close reason may have this many bytes. */
const LONGEST_REASON = 123;
/** As a close reason it has to be short, and a browser cannot send the header. */
const NO_KEY = 'This needs an API key: connectionParams {"apiKey": "dk_…"}, or the header Authorization: Bearer dk_…';
/** Enough for every wait that a client may have, and as many requests beside them; what is beyond is refused. */
const MOST_UNDER_WAY = 200;
/** Who does not even read that it was refused is cut off. */
const MOST_UNANSWERED = 2_000;
/** Bytes that may wait to be read when the next answer comes; who leaves more unread is cut off. */
const MOST_UNREAD = 32 * 1024 * 1024;
const WHICH_OPERATION = "The document has several operations, or none of that name: say which one in operationName.";

/** GraphQL over WebSocket (graphql-transport-ws) through the same pipeline as HTTP. */
export function createWebSockets({ graphql, authenticate, log, logger }: WebSocketOptions): WebSockets {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_BODY_BYTES, handleProtocols });
  const prepared = new WeakMap<ExecutionArgs, Prepared>();

  const protocol = makeServer<ConnectionInitMessage["payload"], Connection>({
    onConnect: (ctx) => connect(ctx),
    onSubscribe: ({ extra }, _id, { query, variables, operationName }) =>
      begin(extra, { query, variables, operationName }),
    execute: (args) => run(args, "execute"),
    subscribe: (args) => run(args, "subscribe"),
    onClose: ({ extra }) => extra.release(),
  });

  async function connect({ extra, connectionParams }: Connected): Promise<boolean> {
    try {
      extra.credentials = withParams(extra.credentials, connectionParams ?? {});
      const { authorization, session } = extra.credentials;
      if (authorization === null && session === null) throw unauthenticated(NO_KEY);
      const { viewer } = await authenticated(extra);
      extra.release = await log.whileValid(viewer, () =>
        close(extra.socket, CloseCode.Forbidden, "This API key has expired or was revoked."),
      );
      // It may have been closed while the key was looked up.
      if (extra.socket.readyState !== extra.socket.OPEN) extra.release();
      return true;
    } catch (error) {
      refuse(extra, error, CloseCode.Unauthorized);
      return false;
    }
  }

  async function begin(connection: Connection, params: OperationParams) {
    if (connection.underWay.size > MOST_UNDER_WAY) return [forSocket(tooMany())];
    try {
      // A revoked key is refused here even if word of it has not reached this process yet.
      return await prepare(connection, await authenticated(connection), params);
    } catch (error) {
      return [refuse(connection, error, CloseCode.Forbidden)];
    }
  }

  async function authenticated({ credentials }: Connection): Promise<Authentication> {
    const authentication = await authenticate(credentials);
    const scope = currentScope();
    if (scope) identify(scope, authentication);
    return authentication;
  }

  /** Ends a connection that may not go on. Clients come back after 4403 and 1013, not after 4400 and 4401. */
  function refuse({ socket }: Connection, error: unknown, code: number): GraphQLError {
    const shown = forSocket(error);
    const codes: Record<string, number> = { UNAUTHENTICATED: code, BAD_USER_INPUT: CloseCode.BadRequest };
    close(socket, codes[String(shown.extensions["code"])] ?? TRY_AGAIN_LATER, shown.message);
    return shown;
  }

  async function prepare(
    { credentials, underWay }: Connection,
    authentication: Authentication,
    params: OperationParams,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const scope = currentScope() ?? openScope();
    const context = { scope, idempotencyKey: null, lastEventId: null, credentials, authentication };
    const enveloped = graphql.prepare(params, context);
    try {
      const document = enveloped.parse(params.query);
      const faults = enveloped.validate(enveloped.schema, document);
      if (faults.length > 0) return faults.map(forSocket);
      if (!getOperationAST(document, params.operationName)) throw badInput(WHICH_OPERATION);
      const args: ExecutionArgs = {
        schema: enveloped.schema,
        document,
        contextValue: await enveloped.contextFactory(),
        variableValues: params.variables ?? undefined,
        operationName: params.operationName ?? undefined,
      };
      prepared.set(args, { enveloped, streams: () => void underWay.delete(scope) });
      return args;
    } catch (error) {
      // Thrown on, a mistake in the query would close the connection with a code that clients never come back from.
      return [forSocket(error)];
    }
  }

  async function run(args: ExecutionArgs, step: "execute" | "subscribe") {
    const operation = prepared.get(args);
    if (!operation) throw new Error("An operation was run that was not prepared");
    const result = await operation.enveloped[step](args);
    if (!(Symbol.asyncIterator in result)) return result;
    operation.streams();
    return untilUnshown(result);
  }

  /** Notes on the HTTP status mean nothing here. */
  function forSocket(error: unknown): GraphQLError {
    const shown = graphql.present(error);
    delete shown.extensions["http"];
    return shown;
  }

  /** The protocol's handling of an operation's message ends with the operation. */
  async function handleMessage(handle: (text: string) => Promise<void>, text: string, connection: Connection) {
    const { socket, underWay } = connection;
    if (underWay.size >= MOST_UNANSWERED) return socket.terminate();
    const scope = openScope();
    underWay.add(scope);
    await inScope(scope, async () => {
      try {
        await handle(text);
      } catch (error) {
        close(socket, CloseCode.InternalServerError, graphql.present(error).message);
      } finally {
        underWay.delete(scope);
      }
    });
    if (scope.operation === null && scope.code === null) return;
    const { remoteAddress } = connection;
    logRequest(logger, { method: "WS", path: "/graphql", statusCode: null, remoteAddress }, scope);
  }

  sockets.on("connection", (socket, request) => {
    // Broken frames and too large messages: ws closes the connection itself.
    socket.on("error", () => undefined);
    // Its pong waits by now.
    socket.on("ping", () => cutOffBeyondRoom(socket));
    keepAlive(socket);
    cutOffWhenStalled(socket, request.socket, log.stallMs);
    const { remoteAddress } = request.socket;
    const credentials = credentialsOf(request);
    const underWay = new Set<RequestScope>();
    const connection: Connection = { socket, remoteAddress, credentials, underWay, release: () => undefined };
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (text) => send(socket, text),
        close: (code = CloseCode.InternalServerError, reason = "") => close(socket, code, reason),
        onMessage: (handle) => socket.on("message", (data) => void handleMessage(handle, String(data), connection)),
      },
      connection,
    );
    socket.once("close", (code, reason) => void closed(code, String(reason)));
  });

  return {
    upgrade: (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit("connection", opened, request)),
    async close() {
      for (const socket of sockets.clients) close(socket, GOING_AWAY, "The server is stopping.");
      const patience = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, 1_000);
      await new Promise((resolve) => sockets.close(resolve));
      clearTimeout(patience);
    },
  };
}

/**
 * A browser cannot set headers on a WebSocket: the same comes as parameters of the connection.
 * @throws BAD_USER_INPUT for a bad client id.
 */
function withParams(credentials: Credentials, params: Readonly<Record<string, unknown>>): Credentials {
  const text = (...names: string[]) => names.map((name) => params[name]).find((value) => typeof value === "string");
  const apiKey = text("apiKey");
  const clientId = text("clientId");
  const fault = clientId && clientIdFault(clientId);
  if (fault) throw badInput(`clientId ${fault}`);
  return {
    authorization:
      text("Authorization", "authorization") ?? (apiKey && `Bearer ${apiKey}`) ?? credentials.authorization,
    session: credentials.session,
    client: clientId || credentials.client,
  };
}

const tooMany = () =>
  rateLimited(
    `${MOST_UNDER_WAY} requests of this WebSocket are under way, which is the limit. Wait for their answers.`,
    {
      retryable: true,
      retryAfterMs: 1_000,
      limit: MOST_UNDER_WAY,
    },
  );

function send(socket: WebSocket, text: string): Promise<void> {
  cutOffBeyondRoom(socket);
  return new Promise((resolve) => {
    // One that went away in between is noticed by its close event.
    if (socket.readyState === socket.OPEN) socket.send(text, () => resolve());
    else resolve();
  });
}

function close(socket: WebSocket, code: number, reason: string): void {
  socket.close(
    code,
    Buffer.from(reason)
      .subarray(0, LONGEST_REASON)
      .toString()
      .replace(/\uFFFD$/, ""),
  );
}

/** A client may send without ever reading, so that it never stalls: what waits for it must have an end. */
function cutOffBeyondRoom(socket: WebSocket): void {
  if (socket.bufferedAmount > MOST_UNREAD) socket.terminate();
}

/** Ends a connection on which nothing of what waits has left for so long: a closing handshake would wait as well. */
function cutOffWhenStalled(socket: WebSocket, connection: Socket, stallMs: number): void {
  connection.setTimeout(stallMs, () => {
    if (socket.bufferedAmount > 0) socket.terminate();
  });
}

function keepAlive(socket: WebSocket): void {
  let answered = true;
  socket.on("pong", () => {
    answered = true;
  });
  const timer = setInterval(() => {
    // Behind a backlog the last ping may not even have been sent.
    if (socket.bufferedAmount > 0) return;
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, PING_MS);
  socket.once("close", () => clearInterval(timer));
}
