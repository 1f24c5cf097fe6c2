import type { ServerResponse } from "node:http";
import type { Exchange } from "./exchange.ts";

/** The exchange as a web Request, with a body that was read already. */
export function toWebRequest({ request, url, scope }: Exchange, body: Buffer | null): Request {
  const { method = "GET" } = request;
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !name.startsWith(":"))
      headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  // Media types have no case, and the libraries behind this compare letters.
  const { accept, "content-type": type } = request.headers;
  if (accept !== undefined) headers.set("accept", accept.toLowerCase());
  if (type !== undefined)
    headers.set(
      "content-type",
      type.replace(/^[^;]*/, (name) => name.trim().toLowerCase()),
    );
  return new Request(url, { method, headers, body: body && Uint8Array.from(body), signal: scope.gone });
}

/** Sends a web Response; a stream ends when the caller goes away, and what feeds it is told. */
export async function sendWebResponse({ response, unread }: Exchange, answer: Response): Promise<void> {
  answer.headers.forEach((value, name) => void response.setHeader(name, value));
  response.statusCode = answer.status;
  if (answer.body !== null && isEventStream(answer)) await sendStream(response, answer.body.getReader(), unread);
  else response.end(Buffer.from(await answer.arrayBuffer()));
}

export function isEventStream(answer: Response): boolean {
  return answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
}

async function sendStream(
  response: ServerResponse,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  unread: (bytes: number) => () => void,
): Promise<void> {
  // A read that waits for the next frame ends with it, and the subscription behind it.
  const cancel = () => void reader.cancel().catch(() => undefined);
  if (response.destroyed) return cancel();
  response.once("close", cancel);
  response.flushHeaders();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || response.destroyed) break;
    if (!response.write(value, unread(value.length))) await drainedOrClosed(response);
  }
  response.end();
}

function drainedOrClosed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      response.off("drain", go).off("close", go);
      resolve();
    };
    response.once("drain", go).once("close", go);
  });
}
