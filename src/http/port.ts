import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { setImmediate as immediate } from "node:timers/promises";
import type { HttpConfig } from "../config/http.ts";
import { errorCode } from "../db/faults.ts";
import { mostConnections } from "./most-connections.ts";
import { refusalOf, refuseSocket } from "./refuse-socket.ts";

/** What answers. */
export interface Service {
  request(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  connect(request: IncomingMessage, socket: Duplex): void;
  /** A connection could not be taken. */
  failed(error: Error): void;
}

/** The address that clients call. */
export interface Port {
  /** Without a path, such as `http://127.0.0.1:4000`. */
  readonly url: string;
  /** Lets this answer those that wait, and all that come from here on. To be called once. */
  serve(service: Service): void;
  /** No new connections from here on; those open go on, and those that the system has taken already are open. */
  stopAccepting(): Promise<void>;
  /** Ends all connections that speak HTTP, the idle ones at once; WebSockets have to be closed before. */
  close(): Promise<void>;
}

/** How long requests under way may take to end when the server stops, in milliseconds. */
const PATIENCE_MS = 5_000;
/** For how long clients that come while the server stops are let in, in milliseconds. */
const DRAIN_MS = 1_000;
/** How long a request may take to arrive, from the connection's first moment, in milliseconds. */
const REQUEST_MS = 30_000;
/** How often that is looked at, in milliseconds. */
const LOOK_MS = 5_000;
/** Connections that the system takes while this process is at work on others; it has a limit of its own, often as high. */
const BACKLOG = 4_096;
/** How long clients that came too early are kept waiting, in milliseconds; after a broken connection most try again. */
const EARLY_MS = REQUEST_MS;

/**
 * Takes the address before there is anything to answer with: clients that come meanwhile wait. A refused connection
 * makes standard clients of WebSockets give up for good, and a 503 those of server-sent events.
 * @param most connections; beyond them the one goes that has asked for nothing for longest, else the newest.
 * @throws Error that says what to do when the address cannot be listened on.
 */
export async function openPort(
  { host, port }: Pick<HttpConfig, "host" | "port">,
  most = mostConnections(),
): Promise<Port> {
  const server = createServer({
    requestTimeout: REQUEST_MS,
    headersTimeout: REQUEST_MS,
    connectionsCheckingInterval: LOOK_MS,
    noDelay: true,
    // Clients that offer HTTP/2 (h2c) as well are answered in HTTP/1.1; refused, they would not ask again.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
  });
  // It stays when the connection leaves HTTP behind: an error that nobody hears ends the process.
  const open = new Set<Duplex>();
  /** Those on which no request is under way, longest first. */
  const idle = new Set<Duplex>();
  let taken = 0;
  const forget = (socket: Duplex) => {
    open.delete(socket);
    idle.delete(socket);
  };
  server.on("connection", (socket) => {
    taken++;
    socket.on("error", () => undefined);
    socket.once("close", () => forget(socket));
    open.add(socket);
    idle.add(socket);
    const [longest] = idle;
    if (open.size <= most || !longest) return;
    forget(longest);
    longest.destroy();
  });
  /** Answers under way, first asked first: a client may send the next request before it has its answer. */
  const underWay = new WeakMap<Duplex, Set<ServerResponse>>();
  const answersTo = (socket: Duplex) => underWay.get(socket) ?? new Set();
  const refusals = new WeakMap<Duplex, Error>();
  /** Says that nothing more was understood once all that was understood has been answered. */
  function refuse(socket: Duplex, error: Error): void {
    const answers = answersTo(socket);
    const unread = [...answers].find(({ req }) => !req.complete);
    if (!socket.writable || unread?.headersSent) socket.destroy();
    else if (answers.size === (unread ? 1 : 0)) refuseSocket(socket, refusalOf(error));
    else refusals.set(socket, error);
  }
  server.on("request", ({ socket }, response) => {
    underWay.set(socket, answersTo(socket).add(response));
    idle.delete(socket);
    response.on("close", () => {
      answersTo(socket).delete(response);
      const refusal = refusals.get(socket);
      if (refusal) refuse(socket, refusal);
      else if (answersTo(socket).size === 0 && !socket.destroyed) idle.add(socket);
    });
  });
  server.on("upgrade", (_request, socket) => idle.delete(socket));
  server.on("clientError", (error, socket) => refuse(socket, refusals.get(socket) ?? error));

  const { promise: ready, resolve: serve, reject: giveUp } = Promise.withResolvers<Service>();
  ready.catch(() => undefined);
  function wait(socket: Duplex, then: (service: Service) => void): void {
    const tooLong = setTimeout(() => socket.destroy(), EARLY_MS);
    ready
      .then((service) => (socket.destroyed ? undefined : then(service)))
      .catch(() => socket.destroy())
      .finally(() => clearTimeout(tooLong));
  }
  const early = {
    request: (request: IncomingMessage, response: ServerResponse) =>
      wait(request.socket, (service) => service.request(request, response)),
    upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      wait(socket, (service) => service.upgrade(request, socket, head)),
  };
  server.on("request", early.request);
  server.on("upgrade", early.upgrade);
  await listen(server, host, port).catch((error: unknown) => {
    throw explained(error, host, port);
  });
  // A connection that cannot be taken while the server starts ends neither it nor the others.
  server.on("error", () => undefined);
  const closed = new Promise((resolve) => server.once("close", resolve));

  /**
   * The system takes connections before Node does, which on a busy machine are many, and resets them all when nobody
   * listens any more: their clients would not learn that the server stops. Node takes one in each round.
   */
  async function takeThoseWaiting(): Promise<void> {
    const began = performance.now();
    for (let before = -1; before !== taken && performance.now() - began < DRAIN_MS; ) {
      before = taken;
      // The first ends the round that is under way, the second a whole one.
      await immediate();
      await immediate();
    }
  }

  return {
    url: urlOf(server, host),
    serve(service) {
      server.off("request", early.request).on("request", service.request);
      server.off("upgrade", early.upgrade).on("upgrade", service.upgrade);
      server.on("connect", service.connect);
      server.on("error", service.failed);
      serve(service);
    },
    async stopAccepting() {
      await takeThoseWaiting();
      server.close();
    },
    async close() {
      giveUp(new Error("The server was stopped before it answered anybody."));
      if (server.listening) server.close();
      server.closeIdleConnections();
      const patience = setTimeout(() => {
        for (const socket of open) socket.destroy();
      }, PATIENCE_MS);
      await closed;
      clearTimeout(patience);
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function explained(error: unknown, host: string, port: number): unknown {
  const reason = LISTENING[errorCode(error) ?? ""];
  return reason === undefined
    ? error
    : new Error(`Cannot listen on ${host}, port ${port}: ${reason}`, { cause: error });
}

const LISTENING: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program does already. Stop it, or choose another port, such as PORT=4001.",
  EACCES: "that takes more rights. Choose a port from 1024 on with PORT.",
  EADDRNOTAVAIL: "this machine has no such address. Set HOST to one it has, such as 127.0.0.1.",
  ENOTFOUND: "this name is not known. Set HOST to an address of this machine, such as 127.0.0.1.",
};

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  // An address that stands for all of them is no address to go to.
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
