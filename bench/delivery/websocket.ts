import { WebSocket } from "ws";
import { FollowDelivery } from "./documents.ts";
import { frameOf, localAddress, type Result, type Subscription } from "./frame.ts";

interface Message {
  readonly type: string;
  readonly payload?: unknown;
}

const QUERY = FollowDelivery.toString();

/** Opens a WebSocket with one subscription, by no more of graphql-transport-ws than it takes. The answer cuts it off. */
export function openWebSocket({ server, variables, index, onFrame, onFault }: Subscription): () => void {
  const socket = new WebSocket(`${server.url.replace(/^http/, "ws")}/graphql`, "graphql-transport-ws", {
    perMessageDeflate: false,
    skipUTF8Validation: true,
    localAddress: localAddress(index),
  });
  const send = (message: object) => socket.send(JSON.stringify(message));
  const close = () => {
    socket.removeAllListeners();
    // One that is cut off while it connects reports that.
    socket.on("error", () => undefined);
    socket.terminate();
  };
  const fault = (error: Error) => {
    close();
    onFault(error);
  };
  socket.on("open", () => send({ type: "connection_init", payload: { authorization: `Bearer ${server.apiKey}` } }));
  socket.on("message", (data: Buffer) => {
    try {
      const { type, payload } = parse(data);
      if (type === "next") onFrame(frameOf(payload as Result));
      else if (type === "connection_ack") send({ type: "subscribe", id: "1", payload: { query: QUERY, variables } });
      else throw new Error(`The server ended a subscription: ${data}`);
    } catch (error) {
      fault(error as Error);
    }
  });
  socket.on("error", fault);
  socket.on("close", (code, reason) => fault(new Error(`The server closed a WebSocket: ${code} ${reason}`)));
  return close;
}

let last: { readonly data: Buffer; readonly message: Message } | undefined;

/** Thousands of subscribers get the same bytes: these are parsed once, as the clients share the machine with the server. */
function parse(data: Buffer): Message {
  if (!last?.data.equals(data)) last = { data, message: JSON.parse(String(data)) as Message };
  return last.message;
}
