import { onTestFinished } from "vitest";

/** One message of a stream of server-sent events, as it stands there. */
export interface ServerSentEvent {
  readonly event: string | undefined;
  readonly id: string | undefined;
  readonly data: string;
}

/** The messages of an answer that is a stream; `retry` lines and comments alone are none. */
export async function* readEvents(body: AsyncIterable<Uint8Array> | null): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of body ?? []) {
    const before = parts.at(-1)?.at(-1) ?? "";
    const part = decoder.decode(chunk, { stream: true });
    parts.push(part);
    // A message of many chunks is put together once, where it ends.
    if (!`${before}${part}`.includes("\n\n")) continue;
    let text = parts.join("");
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const field = (name: string) =>
        lines
          .find((line) => line.startsWith(`${name}:`))
          ?.slice(name.length + 1)
          .trim();
      const data = field("data");
      if (data !== undefined) yield { event: field("event"), id: field("id"), data };
    }
    parts = [text];
  }
}

export interface Subscribing {
  readonly key: string;
  readonly headers?: Record<string, string>;
  readonly method?: "GET" | "POST";
  readonly variables?: object;
}

/** Asks for a subscription over server-sent events; the stream ends with the test at the latest. */
export async function subscribe(
  url: string,
  query: string,
  { key, headers, method = "GET", variables = {} }: Subscribing,
): Promise<{ response: Response; events: AsyncGenerator<ServerSentEvent>; leave(): void }> {
  const caller = new AbortController();
  onTestFinished(() => caller.abort());
  const all = { authorization: `Bearer ${key}`, accept: "text/event-stream", ...headers };
  const response =
    method === "GET"
      ? await fetch(`${url}/graphql?${new URLSearchParams({ query, variables: JSON.stringify(variables) })}`, {
          headers: all,
          signal: caller.signal,
        })
      : await fetch(`${url}/graphql`, {
          method,
          headers: { ...all, "content-type": "application/json" },
          body: JSON.stringify({ query, variables }),
          signal: caller.signal,
        });
  return { response, events: readEvents(response.body), leave: () => caller.abort() };
}

/** The next message; fails when the stream is over. */
export async function nextOf(events: AsyncGenerator<ServerSentEvent>): Promise<ServerSentEvent> {
  const { value, done } = await events.next();
  if (done) throw new Error("the stream is over");
  return value;
}
