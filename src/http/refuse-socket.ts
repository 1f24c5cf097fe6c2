import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { errorCode } from "../db/faults.ts";
import { HttpRefusal } from "./exchange.ts";

/** Methods that something here answers; each path says which of them it takes. */
export const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/** How long a caller may take to read why it was refused, in milliseconds. */
const PATIENCE_MS = 1_000;

/** Answers a connection that has left HTTP behind, and ends it whether or not the caller closes its side. */
export function refuseSocket(socket: Duplex, { status, message, headers }: HttpRefusal): void {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Connection: close",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(message)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  const patience = setTimeout(() => socket.destroy(), PATIENCE_MS);
  socket.once("close", () => clearTimeout(patience));
  socket.once("end", () => socket.destroy());
  // Bytes that are left unread when a connection ends would take the answer with them.
  socket.resume();
  socket.end(`${lines.join("\r\n")}\r\n\r\n${message}`);
}

/** What is said to a connection on which no request could be understood. */
export function refusalOf(error: Error): HttpRefusal {
  const { rawPacket } = error as Error & { readonly rawPacket?: Buffer };
  const code = errorCode(error) ?? "";
  // Not what a client of TLS begins with.
  if (code === "HPE_INVALID_METHOD" && METHOD.test(rawPacket?.toString("latin1") ?? ""))
    return new HttpRefusal(501, `This server knows no such method. It answers ${METHODS}.`, { Allow: METHODS });
  const [status, message] = REASONS[code] ?? [400, "This is no request of HTTP/1.1."];
  return new HttpRefusal(status, message);
}

const METHOD = /^[!#$%&'*+\-.^_`|~\w]+ \S+ HTTP\//;

const REASONS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "The headers of this request are too long."],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "The chunk extensions of this request are too long."],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "The request took too long to arrive."],
};
