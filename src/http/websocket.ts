import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type ExecutionArgs, type GraphQLError, getOperationAST } from "graphql";
import {
  CloseCode,
  type ConnectionInitMessage,
  type Context,
  handleProtocols,
  MessageType,
  makeServer,
} from "graphql-ws";
import { WebSocketServer } from "ws";
import { keepExactly } from "../../client/exact-json.ts";
import type { Services } from "../../schema/context.ts";
import { OpenLimit } from "../access/open-limit.ts";
import type { HttpConfig } from "../config/http.ts";
import { badInput, unauthenticated } from "../errors.ts";
import type { Authenticate, Authentication } from "../keys/authenticate.ts";
import { systemClock } from "../log/clock.ts";
import { TimerWheel } from "../log/live/timer-wheel.ts";
import { Connection, SERVICE_RESTART, TRY_AGAIN_LATER } from "./connection.ts";
import { asksCost, credentialsOf, MOST_BODY_BYTES } from "./exchange.ts";
import type { GraphQLServer } from "./graphql.ts";
import { handedOver } from "./handed-over.ts";
import { SocketFrames } from "./live/socket-frames.ts";
import { type SocketStream, SocketStreams } from "./live/socket-streams.ts";
import { REQUEST_BYTES, type RequestBytes } from "./request-bytes.ts";
import type { Finished } from "./request-log.ts";
import { currentScope, identify, inScope, openScope, type RequestScope } from "./request-scope.ts";
import type { OperationParams } from "./run.ts";
import { beginRequest } from "./traces/request.ts";
import type { Traces } from "./traces/traces.ts";
import type { UnreadBytes } from "./unread-bytes.ts";
import { isServers, MOST_UNDER_WAY, messageIn, tooMany, tooManySockets, withParams } from "./websocket-client.ts";

interface WebSocketOptions {
  readonly graphql: GraphQLServer;
  readonly authenticate: Authenticate;
  readonly services: Services;
  readonly http: HttpConfig;
  readonly finished: Finished;
  readonly unread: UnreadBytes;
  readonly requestBytes: RequestBytes;
  /** null: nothing is traced. */
  readonly traces: Traces | null;
}

/** One operation, ready to run. */
interface Prepared {
  readonly enveloped: ReturnType<GraphQLServer["prepare"]>;
  /** What it becomes, where it is a subscription. */
  readonly stream: SocketStream;
}

type Connected = Context<ConnectionInitMessage["payload"], Connection>;

export interface WebSockets {
  /** Takes over a connection that asks to be upgraded. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes all connections; clients come back elsewhere or later. */
  close(): Promise<void>;
}

/** How long a closing handshake may take, in milliseconds. */
const CLOSING_MS = 2_000;
/** How long messages under way may take to be answered when the server stops, in milliseconds. */
const PATIENCE_MS = 5_000;
/** As a close reason it has to be short, and a browser cannot send the header. */
const NO_KEY = 'This needs an API key: connectionParams {"apiKey": "dk_…"}, or the header Authorization: Bearer dk_…';
/** A client that leaves so many messages unread, the refusals among them, is cut off. */
const MOST_UNANSWERED = 2_000;
/** The close reason after which clients come back. */
const STOPPING = "The server is stopping.";
const NOT_A_CLIENTS = "Only a server sends messages of this type.";
const WHICH_OPERATION = "The document has several operations, or none of that name: say which one in operationName.";

/** GraphQL over WebSocket (graphql-transport-ws) through the same pipeline as HTTP. */
export function createWebSockets(options: WebSocketOptions): WebSockets {
  const { graphql, authenticate, services, http, finished, unread, requestBytes, traces } = options;
  const { log } = services;
  // These options stand in a variable, as the types of ws do not know closeTimeout.
  const settings = { noServer: true, maxPayload: MOST_BODY_BYTES, handleProtocols, closeTimeout: CLOSING_MS };
  const sockets = new WebSocketServer(settings);
  const connections = new Set<Connection>();
  const limit = new OpenLimit(http.socketsPerKey);
  const wheel = new TimerWheel(systemClock);
  const prepared = new WeakMap<ExecutionArgs, Prepared>();
  const streams = new SocketStreams(({ ctx, scope }) => logMessage(ctx.extra, scope));

  const protocol = makeServer<ConnectionInitMessage["payload"], Connection>({
    jsonMessageReviver: keepExactly,
    // The connection sees to that, without a timer of its own.
    connectionInitWaitTimeout: 0,
    onConnect: (ctx) => connect(ctx),
    onSubscribe: (ctx, id, { query, variables, operationName, extensions }) => {
      // What the message says holds before what the connection does.
      if (traces) beginRequest(traces, scopeOfMessage(), "WS", { ...ctx.connectionParams, ...extensions });
      // The protocol forgets an operation that its client completes, and all of them when the connection ends.
      ctx.extra.runs(id, { scope: scopeOfMessage(), isWanted: () => id in ctx.subscriptions });
      return begin(ctx, id, { query, variables, operationName });
    },
    execute: (args) => run(args, "execute"),
    subscribe: (args) => run(args, "subscribe"),
  });

  async function connect({ extra, connectionParams }: Connected): Promise<boolean> {
    extra.greeted();
    try {
      extra.credentials = withParams(extra.credentials, connectionParams ?? {});
      const { authorization, session } = extra.credentials;
      if (authorization === null && session === null) throw unauthenticated(NO_KEY);
      const authentication = await authenticated(extra);
      const { viewer } = authentication;
      // All sessions of one key together, and those of the browsers it has signed in.
      extra.untilClosed(limit.enter(viewer.actor, tooManySockets));
      const end = () => extra.close(CloseCode.Forbidden, "This API key has expired or was revoked.");
      extra.untilClosed(await log.whileValid(viewer, end));
      extra.authenticated(authentication);
      return true;
    } catch (error) {
      refuse(extra, error, CloseCode.Unauthorized);
      return false;
    }
  }

  async function begin(ctx: Connected, id: string, params: OperationParams) {
    const connection = ctx.extra;
    if (connection.underWay.size > MOST_UNDER_WAY) return [forSocket(tooMany())];
    try {
      // A revoked key is refused here even if word of it has not reached this process yet.
      await authenticated(connection);
      return await prepare(ctx, id, params);
    } catch (error) {
      return [refuse(connection, error, CloseCode.Forbidden)];
    }
  }

  async function authenticated({ credentials }: Connection): Promise<Authentication> {
    const authentication = await authenticate(credentials);
    identify(scopeOfMessage(), authentication);
    return authentication;
  }

  /** Ends a connection that may not go on. Clients come back after 4403 and 1013, not after 4400 and 4401. */
  function refuse(connection: Connection, error: unknown, code: number): GraphQLError {
    const shown = forSocket(error);
    const codes: Record<string, number> = { UNAUTHENTICATED: code, BAD_USER_INPUT: CloseCode.BadRequest };
    connection.close(codes[String(shown.extensions["code"])] ?? TRY_AGAIN_LATER, shown.message);
    return shown;
  }

  async function prepare(
    ctx: Connected,
    id: string,
    params: OperationParams,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const connection = ctx.extra;
    const scope = scopeOfMessage();
    const { tellCost } = connection;
    const frames = new SocketFrames(connection, id, scope, graphql.present);
    const enveloped = graphql.prepare(params, { scope, idempotencyKey: null, lastEventId: null, tellCost, frames });
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
      prepared.set(args, { enveloped, stream: { ctx, id, scope, frames } });
      return args;
    } catch (error) {
      // If it were thrown on, a mistake in the query would close the connection with a code that clients never come
      // back from.
      return [forSocket(error)];
    }
  }

  async function run(args: ExecutionArgs, step: "execute" | "subscribe") {
    const operation = prepared.get(args);
    if (!operation) throw new Error("An operation was run that was not prepared");
    const { enveloped, stream } = operation;
    const result = await enveloped[step](args);
    // The protocol keeps the arguments until the answer has left, and the context's loaders keep rows.
    prepared.delete(args);
    args.contextValue = null;
    const { ctx, id, scope, frames } = stream;
    if (ctx.extra.hasAnother(id, scope)) {
      // Its client has completed it and given its id to another: the protocol would take the answer for that one's.
      if (frames.streams) await frames.return();
      ctx.extra.answered(scope);
      logMessage(ctx.extra, scope);
      return await new Promise<never>(() => undefined);
    }
    if (!(Symbol.asyncIterator in result))
      return { ...handedOver(result), ...(result.errors && { errors: result.errors.map(forSocket) }) };
    ctx.extra.answered(scope);
    return streams.handOver(stream);
  }

  /** Notes on the HTTP status mean nothing here. */
  function forSocket(error: unknown): GraphQLError {
    const shown = graphql.present(error);
    delete shown.extensions["http"];
    return shown;
  }

  async function handleMessage(handle: (text: string) => Promise<void>, text: string, connection: Connection) {
    if (connection.underWay.size >= MOST_UNANSWERED) return connection.destroy();
    const scope = scopeOn(connection);
    if (!connection.begin(scope)) return;
    await inScope(scope, async () => {
      try {
        const { owner } = connection;
        if (owner !== null) connection.keeps(scope, requestBytes.enter(owner, REQUEST_BYTES + Buffer.byteLength(text)));
      } catch (error) {
        // A message that only ends an operation, or keeps the connection alive, makes room.
        const { id, type } = messageIn(text);
        if (id !== undefined && type === MessageType.Subscribe) {
          const message = { id, type: MessageType.Error, payload: [forSocket(error)] };
          void connection.send(JSON.stringify(message)).finally(() => connection.answered(scope));
          return;
        }
      }
      try {
        const handled = handle(text);
        // Operations that the message itself completes, before their end is waited for.
        connection.dropUnwanted();
        await handled;
      } catch (error) {
        if (isServers(messageIn(text))) connection.close(CloseCode.BadRequest, NOT_A_CLIENTS);
        else connection.close(CloseCode.InternalServerError, graphql.present(error).message);
      } finally {
        connection.answered(scope);
      }
    });
    // A stream is logged at its end.
    if (!streams.follow(scope)) logMessage(connection, scope);
  }

  function logMessage({ remoteAddress }: Connection, scope: RequestScope): void {
    if (scope.operation === null && scope.code === null) return;
    finished({ method: "WS", path: "/graphql", statusCode: null, remoteAddress }, scope);
  }

  sockets.on("connection", (socket, request) => {
    const connection = new Connection({
      socket,
      transport: request.socket,
      credentials: credentialsOf(request),
      tellCost: asksCost(request),
      unread,
      wheel,
      stallMs: log.stallMs,
    });
    connections.add(connection);
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (text) => connection.send(text),
        close: (code = CloseCode.InternalServerError, reason = "") => connection.close(code, reason),
        onMessage: (handle) => socket.on("message", (data) => void handleMessage(handle, String(data), connection)),
      },
      connection,
    );
    socket.on("close", (code, reason) => {
      connections.delete(connection);
      closed(code, String(reason)).catch((error: unknown) => graphql.present(error));
      connection.dropUnwanted();
      connection.closed();
    });
  });

  return {
    upgrade: (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit("connection", opened, request)),
    async close() {
      for (const connection of connections) connection.comeBack(STOPPING);
      const patience = setTimeout(() => {
        for (const connection of connections) connection.close(SERVICE_RESTART, STOPPING);
      }, PATIENCE_MS);
      await new Promise((resolve) => sockets.close(resolve));
      clearTimeout(patience);
      wheel.close();
    },
  };
}

/** A function of its own, so that the scope does not keep the text of its message. */
const scopeOn = (connection: Connection) => openScope(() => connection.destroy());

function scopeOfMessage(): RequestScope {
  const scope = currentScope();
  if (!scope) throw new Error("A message of a WebSocket is handled outside its scope");
  return scope;
}
