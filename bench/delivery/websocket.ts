import type { Socket } from "node:net";
import { frameOf, type Result, type Subscription } from "./frame.ts";
import { headOf, onceForAll, openRawSocket } from "./raw-socket.ts";

interface Message {
  readonly type: string;
  readonly payload?: unknown;
}

const UPGRADE = [
  "GET /graphql HTTP/1.1",
  "Host: 127.0.0.1",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Protocol: graphql-transport-ws",
  "Sec-WebSocket-Key: ZG9ja2V0LWRlbGl2ZXJ5LQ==",
  "\r\n",
].join("\r\n");
/** First bytes of whole messages. */
const TEXT = 0x81;
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;

const messageIn = onceForAll((text) => JSON.parse(text) as Message);

/** Opens a WebSocket with one subscription, by no more of graphql-transport-ws than it takes. The answer cuts it off. */
export function openWebSocket({ server, document, variables, index, onFrame, onFault }: Subscription): () => void {
  let upgraded = false;
  const send = (message: object) => socket.write(masked(TEXT, Buffer.from(JSON.stringify(message))));
  const close = () => {
    socket.removeAllListeners("close").destroy();
  };
  const fault = (error: Error) => {
    close();
    onFault(error);
  };
  const take = (bytes: Buffer) => {
    if (upgraded) return takeMessage(bytes, receive);
    const head = headOf(bytes, 101);
    if (head > 0) {
      upgraded = true;
      send({ type: "connection_init", payload: { authorization: `Bearer ${server.apiKey}` } });
    }
    return head;
  };
  const receive = (kind: number, content: Buffer) => {
    if (kind === PING) return socket.write(masked(PONG, content));
    if (kind === CLOSE) throw new Error(`The server closed a WebSocket: ${content.toString("utf8", 2)}`);
    const { type, payload } = messageIn(content);
    if (type === "next") return onFrame(frameOf(payload as Result));
    if (type !== "connection_ack") throw new Error(`The server ended a subscription: ${content}`);
    return send({ type: "subscribe", id: "1", payload: { query: document, variables } });
  };
  const socket: Socket = openRawSocket({
    url: server.url,
    index,
    greeting: UPGRADE,
    take,
    onFault: fault,
  });
  return close;
}

/** Servers send in one piece and without a mask. @returns the bytes of the first message; 0 while it is not whole. */
function takeMessage(bytes: Buffer, receive: (kind: number, content: Buffer) => void): number {
  const [kind, short] = bytes;
  if (kind === undefined || short === undefined) return 0;
  const head = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < head) return 0;
  const size = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  if (bytes.length < head + size) return 0;
  receive(kind, bytes.subarray(head, head + size));
  return head + size;
}

/** Clients have to send a mask: of zeros it changes nothing. */
function masked(kind: number, content: Buffer): Buffer {
  const short = content.length < 126;
  const head = Buffer.alloc(short ? 6 : 8);
  head[0] = kind;
  head[1] = 0x80 | (short ? content.length : 126);
  if (!short) head.writeUInt16BE(content.length, 2);
  return Buffer.concat([head, content]);
}
