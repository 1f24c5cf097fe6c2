import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ExecutionArgs, GraphQLError } from "graphql";
import { CloseCode, type ConnectionInitMessage, type Context, handleProtocols, makeServer } from "graphql-ws";
import type { Logger } from "pino";
import { type WebSocket, WebSocketServer } from "ws";
import { badInput } from "../errors.ts";
import type { Authenticate, Authentication, Credentials } from "../keys/authenticate.ts";
import type { Log } from "../log/log.ts";
import { clientIdFault, credentialsOf, MOST_BODY_BYTES } from "./exchange.ts";
import type { GraphQLServer, OperationParams } from "./graphql.ts";
import { logRequest } from "./request-log.ts";
import { currentScope, inScope, openScope } from "./request-scope.ts";

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
  /** Ends the watch over the key; set once the connection is authenticated. */
  release: () => void;
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

/** GraphQL over WebSocket (graphql-transport-ws) through the same pipeline as HTTP. */
export function createWebSockets({ graphql, authenticate, log, logger }: WebSocketOptions): WebSockets {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_BODY_BYTES, handleProtocols });
  const prepared = new WeakMap<ExecutionArgs, ReturnType<GraphQLServer["prepare"]>>();

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
      const { viewer } = await identify(extra);
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
    try {
      // A revoked key is refused here even if word of it has not reached this process yet.
      return await prepare(connection, await identify(connection), params);
    } catch (error) {
      return [refuse(connection, error, CloseCode.Forbidden)];
    }
  }

  async function identify({ credentials }: Connection): Promise<Authentication> {
    const authentication = await authenticate(credentials);
    const scope = currentScope();
    if (scope) scope.keyPrefix = authentication.keyPrefix;
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
    { credentials }: Connection,
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
      const args: ExecutionArgs = {
        schema: enveloped.schema,
        document,
        contextValue: await enveloped.contextFactory(),
        variableValues: params.variables ?? undefined,
        operationName: params.operationName ?? undefined,
      };
      prepared.set(args, enveloped);
      return args;
    } catch (error) {
      // Thrown on, a mistake in the query would close the connection with a code that clients never come back from.
      return [forSocket(error)];
    }
  }

  function run(args: ExecutionArgs, step: "execute" | "subscribe") {
    const enveloped = prepared.get(args);
    if (!enveloped) throw new Error("An operation was run that was not prepared");
    return enveloped[step](args);
  }

  /** Notes on the HTTP status mean nothing here. */
  function forSocket(error: unknown): GraphQLError {
    const shown = graphql.present(error);
    delete shown.extensions["http"];
    return shown;
  }

  /** The protocol's handling of an operation's message ends with the operation. */
  async function handleMessage(handle: (text: string) => Promise<void>, text: string, connection: Connection) {
    const scope = openScope();
    await inScope(scope, async () => {
      try {
        await handle(text);
      } catch (error) {
        close(connection.socket, CloseCode.InternalServerError, graphql.present(error).message);
      }
    });
    if (scope.operation === null && scope.code === null) return;
    const { remoteAddress } = connection;
    logRequest(logger, { method: "WS", path: "/graphql", statusCode: null, remoteAddress }, scope);
  }

  sockets.on("connection", (socket, request) => {
    // Broken frames and too large messages: ws closes the connection itself.
    socket.on("error", () => undefined);
    keepAlive(socket);
    cutOffWhenStalled(socket, request.socket, log.stallMs);
    const { remoteAddress } = request.socket;
    const credentials = credentialsOf(request);
    const connection: Connection = { socket, remoteAddress, credentials, release: () => undefined };
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

function send(socket: WebSocket, text: string): Promise<void> {
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
