import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { type Exchange, readBody } from "./exchange.ts";

/** The exchange as a web Request, its body read; aborted when the caller goes away before the answer is complete. */
export async function toWebRequest({ request, response, url }: Exchange): Promise<Request> {
  const { method = "GET" } = request;
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !name.startsWith(":"))
      headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  const body = method === "GET" || method === "HEAD" ? null : Uint8Array.from(await readBody(request));
  return new Request(url, { method, headers, body, signal: gone.signal });
}

/** Sends a web Response; a stream ends when the caller goes away, and what feeds it is told. */
export async function sendWebResponse({ response }: Exchange, answer: Response): Promise<void> {
  answer.headers.forEach((value, name) => void response.setHeader(name, value));
  response.writeHead(answer.status);
  if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) {
    response.end(answer.body === null ? undefined : Buffer.from(await answer.arrayBuffer()));
    return;
  }
  // Frames are small and wanted at once.
  response.socket?.setNoDelay(true);
  response.flushHeaders();
  // The same interface under two names: the browser's type and Node's.
  const stream = Readable.fromWeb(answer.body as ReadableStream<Uint8Array>);
  await pipeline(stream, response).catch((error: unknown) => {
    if (!response.destroyed) throw error;
  });
}
