import { setTimeout as delay } from "node:timers/promises";
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { TypedDocumentString } from "../../client/gen/graphql.ts";
import { followStream } from "../../client/stream.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";

interface Frame {
  readonly cursor: string;
  readonly projects: readonly { readonly projectId: string }[];
}

const STATUS = "subscription { projectStatus { cursor projects { projectId taskCounts { count } } } }";

const create = (server: TestServer, projectId: string) =>
  server.ask(`mutation { createProject(input: {projectId: "${projectId}", name: "P"}) { replayed } }`);

/** Makes every frame fail that counts tasks, once the server has given up waiting. */
async function lockTasks({ test }: TestServer) {
  const owner = await connectOwner(test);
  await owner.query("BEGIN; LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE");
  return { unlock: () => owner.query("ROLLBACK") };
}

test("a WebSocket subscription ends at a frame that failed, so that its change comes again", async () => {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  const socket = await connectSocket(server.wsUrl, { apiKey: server.agentKey });
  const subscribe = (id: string) => socket.send({ type: "subscribe", id, payload: { query: STATUS } });
  subscribe("1");
  expect(await socket.next()).toMatchObject({ type: "next", payload: { data: { projectStatus: { projects: [] } } } });
  await owner.query("ALTER TABLE tasks RENAME COLUMN status TO gone");
  await create(server, "alpha");
  expect(await socket.next()).toMatchObject({
    id: "1",
    type: "next",
    payload: { data: { projectStatus: null }, errors: [{ extensions: { code: "INTERNAL" } }] },
  });
  expect(await socket.next()).toEqual({ id: "1", type: "complete" });
  await expect.poll(() => server.log.streams).toBe(0);
  await owner.query("ALTER TABLE tasks RENAME COLUMN gone TO status");
  subscribe("2");
  expect(await socket.next()).toMatchObject({
    id: "2",
    payload: { data: { projectStatus: { projects: [{ projectId: "alpha" }] } } },
  });
});

test("a client that follows a stream has what a failed frame should have brought", async () => {
  const server = await startTestServer();
  const stop = new AbortController();
  const frames = followStream<{ projectStatus: Frame | null }, Record<string, never>>({
    url: server.url,
    apiKey: server.agentKey,
    document: new TypedDocumentString(STATUS),
    variables: {},
    signal: stop.signal,
    // The client gives up its connection only because of the failed frame.
    sleep: async (ms, signal) => {
      await tasks?.unlock();
      await delay(ms, undefined, { signal });
    },
  });
  let tasks: Awaited<ReturnType<typeof lockTasks>> | undefined;
  expect(await frames.next()).toMatchObject({ value: { projects: [] } });
  tasks = await lockTasks(server);
  await create(server, "alpha");
  expect(await frames.next()).toMatchObject({ value: { projects: [{ projectId: "alpha" }] } });
  expect(server.logged).toContainEqual(expect.objectContaining({ method: "WS", code: "DATABASE_UNAVAILABLE" }));
  stop.abort();
  await frames.next();
});

test.each(["graphql-ws", "graphql-sse"])(
  "a client of %s comes back by itself after a frame that trying again may mend",
  { timeout: 60_000 },
  async (library) => {
    const server = await startTestServer();
    const { url, wsUrl, agentKey } = server;
    const client =
      library === "graphql-ws"
        ? createSocketClient({ webSocketImpl: WebSocket, url: wsUrl, connectionParams: { apiKey: agentKey } })
        : createSseClient({ url: `${url}/graphql`, headers: { authorization: `Bearer ${agentKey}` } });
    onTestFinished(() => void client.dispose());
    const failed: unknown[] = [];
    const seen: string[] = [];
    const ended: unknown[] = [];
    client.subscribe<{ projectStatus: Frame | null }>(
      { query: STATUS },
      {
        next: ({ data, errors = [] }) => {
          failed.push(...errors.map(({ extensions }) => extensions?.["code"]));
          seen.push(...(data?.projectStatus?.projects ?? []).map(({ projectId }) => projectId));
        },
        error: (error) => ended.push(error),
        complete: () => ended.push("complete"),
      },
    );
    await expect.poll(() => server.log.streams).toBe(1);
    const tasks = await lockTasks(server);
    await create(server, "alpha");
    await expect.poll(() => failed, { timeout: 20_000 }).toContain("DATABASE_UNAVAILABLE");
    expect(seen).toEqual([]);
    await tasks.unlock();
    await expect.poll(() => seen, { timeout: 20_000 }).toContain("alpha");
    expect(ended).toEqual([]);
  },
);
