import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { EventSource } from "eventsource";
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { ServerProcess } from "../../bench/server-process.ts";
import { TypedDocumentString } from "../../client/gen/graphql.ts";
import { followStream } from "../../client/stream.ts";
import { MIGRATION_LOCK } from "../../src/db/migrate.ts";
import { builtDocket } from "../support/built-docket.ts";
import { createTestDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";
import { happen } from "./numbered-events.ts";

type Frame = { readonly cursor: string; readonly events: readonly { readonly number: number }[] };

interface SubscriptionResult {
  readonly data?: { readonly taskEvents?: Frame | null } | null;
}

/** What one client saw of the subscription, and how it ended, should it have. */
interface Watching {
  readonly numbers: number[];
  readonly ended: unknown[];
  frames: number;
}

interface Address {
  readonly url: string;
  readonly apiKey: string;
}

/** Watches until the answer is called. */
type Watch = (address: Address, watching: Watching) => () => void;

const QUERY = `subscription Watch($after: String) {
  taskEvents(filter: {projects: ["alpha"]}, after: $after) { cursor events { number } }
}`;

function see(watching: Watching, { events }: Frame): void {
  watching.frames += 1;
  watching.numbers.push(...events.map(({ number }) => number));
}

/** As the documentation advises: a client that comes back asks for what follows the last frame. */
function sink(watching: Watching, variables: { after?: string }) {
  return {
    next: ({ data }: SubscriptionResult) => {
      if (!data?.taskEvents) return;
      variables.after = data.taskEvents.cursor;
      see(watching, data.taskEvents);
    },
    error: (error: unknown) => void watching.ended.push(error),
    complete: () => void watching.ended.push("complete"),
  };
}

const socketUrl = (url: string) => `${url.replace("http", "ws")}/graphql`;
const BY_DEFAULT = "graphql-ws with its default settings";

const byDefault: Watch = ({ url, apiKey }, watching) => {
  const client = createSocketClient({ webSocketImpl: WebSocket, url: socketUrl(url), connectionParams: { apiKey } });
  const variables = {};
  client.subscribe({ query: QUERY, variables }, sink(watching, variables));
  return () => void client.dispose();
};

const clients: Record<string, Watch> = {
  [BY_DEFAULT]: byDefault,
  "graphql-sse with its default settings": ({ url, apiKey }, watching) => {
    const client = createSseClient({ url: `${url}/graphql`, headers: { authorization: `Bearer ${apiKey}` } });
    const variables = {};
    client.subscribe({ query: QUERY, variables }, sink(watching, variables));
    return () => client.dispose();
  },
  "the client of the package eventsource": ({ url, apiKey }, watching) => {
    const source = new EventSource(`${url}/graphql?query=${encodeURIComponent(QUERY)}`, {
      fetch: (address, init) =>
        fetch(address, { ...init, headers: { ...init.headers, authorization: `Bearer ${apiKey}` } }),
    });
    source.addEventListener("next", ({ data }) => see(watching, JSON.parse(data).data.taskEvents));
    source.addEventListener("error", ({ code }) => {
      if (source.readyState === EventSource.CLOSED) watching.ended.push(code);
    });
    return () => source.close();
  },
  "Docket's own client": ({ url, apiKey }, watching) => {
    const stop = new AbortController();
    const document = new TypedDocumentString<{ taskEvents: Frame | null }, object>(QUERY);
    const follow = async () => {
      for await (const frame of followStream({ url, apiKey, document, variables: {}, signal: stop.signal }))
        see(watching, frame);
    };
    follow().then(
      () => stop.signal.aborted || watching.ended.push("complete"),
      (error: unknown) => watching.ended.push(error),
    );
    return () => stop.abort();
  },
};

/** The example of docs/events.md, as it stands there. */
async function documentedClient(): Promise<Watch> {
  const [, example = ""] = /^```js\nimport .*?\n\n(.*?)^```/ms.exec(await readFile("docs/events.md", "utf8")) ?? [];
  expect(example).toContain("shouldRetry: () => true");
  return ({ url, apiKey }, watching) => {
    const script = example.replace("ws://127.0.0.1:4000/graphql", socketUrl(url));
    const watch = new Function("createClient", "apiKey", "query", "show", `${script}\nreturn client;`);
    const client = watch(createSocketClient, apiKey, QUERY, (frame: Frame) => see(watching, frame));
    return () => client.dispose();
  };
}

test("clients watch on when the server is started anew, and those that try again when it was away for a while", {
  timeout: 240_000,
}, async () => {
  // Clients wait a random time before they come back: here always the longest.
  vi.spyOn(Math, "random").mockReturnValue(0.999);
  onTestFinished(() => void vi.restoreAllMocks());
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const owner = await connectOwner(database);
  const settings = { DOCKET_STREAMS_PER_CLIENT: "10", DOCKET_JOBS: "none" };
  const first = await startTestServer({ test: database, env: settings });
  const { url, agentKey: apiKey } = first;
  // The others are processes, at the same address.
  const server = new ServerProcess({
    databaseUrl: database.url,
    home: await makeTemporaryFolder("restart"),
    docket: await builtDocket(),
    environment: { ...settings, DATABASE_OWNER_URL: database.ownerUrl, PORT: new URL(url).port },
  });
  onTestFinished(() => server.stop());
  const ask = async (query: string) => {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({ query }),
    });
    const { data, errors } = await response.json();
    expect(errors).toBeUndefined();
    return data;
  };
  await happen({ ask }, 1);
  const watchers = { ...clients, "graphql-ws with the documented settings": await documentedClient() };
  const watch = (name: string, by: Watch) => {
    const watching: Watching = { numbers: [], ended: [], frames: 0 };
    const leave = by({ url, apiKey }, watching);
    onTestFinished(leave);
    return { name, watching, leave };
  };
  const seen = Object.entries(watchers).map(([name, by]) => watch(name, by));
  await eventually(() => expect(seen.filter(({ watching }) => watching.frames === 0)).toEqual([]));
  await happen({ ask }, 2);
  const expectAll = (numbers: readonly number[], of = seen) =>
    eventually(() => expect(of).toMatchObject(of.map(({ name }) => ({ name, watching: { numbers, ended: [] } }))));
  await expectAll([2]);

  const reach = async () => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    await once(socket, "connect");
    // What a server that stops does to it may come after anybody looks.
    return socket.on("error", () => undefined);
  };
  await first.close();
  await server.start();
  await happen({ ask }, 3);
  const steady = seen.filter(({ name }) => name !== BY_DEFAULT);
  await expectAll([2, 3], steady);
  // It comes back within seconds. Where a busy machine takes longer to start the server, it meets nobody there, see below.
  const back = seen.find(({ name }) => name === BY_DEFAULT)?.watching;
  await eventually(() =>
    expect([back?.numbers, back?.ended.length]).toBeOneOf([
      [[2, 3], 0],
      [[2], 1],
    ]),
  );

  await server.stop();
  const ended = () => seen.filter(({ watching }) => watching.ended.length > 0).map(({ name }) => name);
  // Whatever the server does: graphql-ws takes a refused connection for a fatal error, unless it is told otherwise.
  await eventually(() => expect(ended()).toEqual([BY_DEFAULT]));
  // Nobody can bring the database up to date meanwhile, and so the server cannot answer yet.
  await owner.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
  const starting = server.start();
  const socket = await eventually(reach);
  socket.write("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  const early = { answer: text(socket), ...watch("the early one", byDefault) };
  await owner.query("SELECT pg_advisory_unlock($1)", [MIGRATION_LOCK]);
  await starting;
  expect(await early.answer).toMatch(/^HTTP\/1.1 200 OK/);
  await eventually(() => expect(early.watching.frames).toBeGreaterThan(0));
  await happen({ ask }, 4);
  await expectAll([2, 3, 4], steady);
  await expectAll([4], [early]);

  for (const { leave } of [...seen, early]) leave();
  // On a busy machine many have been taken by the system, and not yet by Node, when the server is told to stop.
  const { pid } = server;
  process.kill(pid, "SIGSTOP");
  const newcomers = Array.from({ length: 20 }, async () => {
    const connection = await reach();
    const socket = new WebSocket(socketUrl(url), "graphql-transport-ws", { createConnection: () => connection });
    return { closed: once(socket, "close") };
  });
  const waiting = await Promise.all(newcomers);
  const stopped = server.stop();
  process.kill(pid, "SIGCONT");
  for (const { closed } of waiting) expect(await closed).toEqual([1012, Buffer.from("The server is stopping.")]);
  await stopped;
  // Told to stop before it can answer, it keeps nobody waiting any more.
  await owner.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
  server.start().catch(() => undefined);
  await eventually(reach);
  process.kill(server.pid, "SIGTERM");
  await eventually(() => expect(reach()).rejects.toThrow("ECONNREFUSED"));
  await owner.query("SELECT pg_advisory_unlock($1)", [MIGRATION_LOCK]);
  // A second signal would not let it end in order.
  await eventually(() => expect(() => process.kill(server.pid, 0)).toThrow("ESRCH"));
});
