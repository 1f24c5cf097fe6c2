import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { HttpRefusal } from "./exchange.ts";

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
  // What is left unread when a connection ends would take the answer with it.
  socket.resume();
  socket.end(`${lines.join("\r\n")}\r\n\r\n${message}`);
}
