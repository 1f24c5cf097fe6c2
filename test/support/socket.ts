import { once } from "node:events";
import { onTestFinished } from "vitest";
import { type ClientOptions, WebSocket } from "ws";

/** A message of the protocol graphql-transport-ws. */
export interface SocketMessage {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

/** A WebSocket whose messages wait until the test takes them. */
export interface TestSocket {
  send(message: SocketMessage): void;
  /** The next message; fails when the socket closes first. */
  next(): Promise<SocketMessage>;
  /** How it was closed, now or later. */
  readonly closed: Promise<{ code: number; reason: string }>;
  close(): void;
}

/** Opens a WebSocket that ends with the test. */
export async function openSocket(url: string, options: ClientOptions = {}): Promise<TestSocket> {
  const socket = new WebSocket(url, "graphql-transport-ws", options);
  onTestFinished(() => socket.terminate());
  const arrived: SocketMessage[] = [];
  let wake = () => {};
  let over = false;
  socket.on("message", (data) => {
    arrived.push(JSON.parse(String(data)));
    wake();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once("close", (code, reason) => {
      over = true;
      wake();
      resolve({ code, reason: String(reason) });
    }),
  );
  await once(socket, "open");
  return {
    send: (message) => socket.send(JSON.stringify(message)),
    async next() {
      while (arrived.length === 0) {
        if (over) throw new Error(`closed before the next message: ${JSON.stringify(await closed)}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return arrived.shift() as SocketMessage;
    },
    closed,
    close: () => socket.close(),
  };
}

/** The same, with the connection acknowledged. `params` are the connection parameters. */
export async function connectSocket(url: string, params: object, options?: ClientOptions): Promise<TestSocket> {
  const socket = await openSocket(url, options);
  socket.send({ type: "connection_init", payload: params });
  const answer = await socket.next();
  if (answer.type !== "connection_ack") throw new Error(`not acknowledged: ${JSON.stringify(answer)}`);
  return socket;
}
