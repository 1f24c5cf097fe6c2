import { EventSource } from "eventsource";
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { createTestDatabase } from "../support/database.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { happen, NUMBERS, numbersIn } from "./numbered-events.ts";

/** What one library's own client sees of the subscription, and how it ended, should it have. */
interface Watching {
  readonly numbers: number[];
  readonly ended: unknown[];
}

/** Watches until the answer is called. */
type Watch = (server: TestServer, watching: Watching) => () => void;

interface Frame {
  readonly data?: unknown;
}

const sink = ({ numbers, ended }: Watching) => ({
  next: (frame: Frame) => void numbers.push(...numbersIn({ data: JSON.stringify(frame) })),
  error: (error: unknown) => void ended.push(error),
  complete: () => void ended.push("complete"),
});

const watchers: Record<string, Watch> = {
  "graphql-ws": ({ wsUrl, agentKey }, watching) => {
    const client = createSocketClient({ webSocketImpl: WebSocket, url: wsUrl, connectionParams: { apiKey: agentKey } });
    client.subscribe({ query: NUMBERS }, sink(watching));
    return () => void client.dispose();
  },
  "graphql-sse": ({ url, agentKey }, watching) => {
    const headers = { authorization: `Bearer ${agentKey}` };
    const client = createSseClient({ url: `${url}/graphql`, headers });
    client.subscribe({ query: NUMBERS }, sink(watching));
    return () => client.dispose();
  },
  eventsource: ({ url, agentKey }, { numbers }) => {
    const source = new EventSource(`${url}/graphql?query=${encodeURIComponent(NUMBERS)}`, {
      fetch: (address, init) =>
        fetch(address, { ...init, headers: { ...init.headers, authorization: `Bearer ${agentKey}` } }),
    });
    source.addEventListener("next", (event) => void numbers.push(...numbersIn(event)));
    return () => source.close();
  },
};

test.each(Object.keys(watchers))(
  "a client of %s watches on by itself when the server is started anew",
  {
    timeout: 60_000,
  },
  async (library) => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const first = await startTestServer({ test: database });
    await happen(first, 1);
    const watching: Watching = { numbers: [], ended: [] };
    const stop = watchers[library]?.(first, watching);
    await expect.poll(() => first.log.streams).toBe(1);
    await happen(first, 2);
    await expect.poll(() => watching.numbers).toEqual([2]);
    await first.close();

    const second = await startTestServer({ test: database, env: { PORT: new URL(first.url).port } });
    await expect.poll(() => second.log.streams, { timeout: 30_000 }).toBe(1);
    await happen(second, 3);
    await expect.poll(() => watching.numbers.at(-1)).toBe(3);
    expect(watching.ended).toEqual([]);
    stop?.();
  },
);
