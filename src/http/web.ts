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

/** Sends a web Response. */
export async function sendWebResponse({ response }: Exchange, answer: Response): Promise<void> {
  answer.headers.forEach((value, name) => void response.setHeader(name, value));
  response.statusCode = answer.status;
  response.end(Buffer.from(await answer.arrayBuffer()));
}

export function isEventStream(answer: Response): boolean {
  return answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
}
