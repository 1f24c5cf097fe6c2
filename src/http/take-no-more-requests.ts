import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** What reads the requests of a connection in Node; each takes ten kilobytes beside the heap. */
interface RequestParser {
  /** The request that it read last. */
  readonly incoming: unknown;
  unconsume(): void;
  remove(): void;
  close(): void;
}

type Connection = Socket & { parser?: RequestParser | null };

/**
 * Reads nothing more from the connection of a request, as Node does when a connection leaves HTTP for a WebSocket: an
 * answer that goes on for hours needs nothing that reads requests. What comes is thrown away, and the connection ends with
 * the answer, which has to say so (`Connection: close`).
 * @returns whether it did: not while the request is not read to its end, or another has come behind it.
 */
export function takeNoMoreRequests(request: IncomingMessage): boolean {
  const socket: Connection = request.socket;
  const { parser } = socket;
  if (!request.complete || parser?.incoming !== request) return false;
  socket.removeAllListeners("data");
  socket.removeAllListeners("end");
  parser.unconsume();
  parser.remove();
  socket.parser = null;
  // It may be at work just now, further up the stack.
  setImmediate(() => parser.close());
  // A client that ends its side has left.
  socket.on("end", () => socket.end());
  socket.resume();
  return true;
}
