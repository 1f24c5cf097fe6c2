import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buildSchema, GraphQLError } from "graphql";
import { CloseCode } from "graphql-ws";
import { useServer } from "graphql-ws/use/ws";
import { describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { TypedDocumentString } from "../../client/gen/graphql.ts";
import { followStream } from "../../client/stream.ts";

const schema = buildSchema(`
  type Query { ok: Boolean }
  type Frame { cursor: String! }
  type Subscription { frames(after: String): Frame }
`);
const document = new TypedDocumentString<{ frames: { cursor: string } | null }, Record<string, never>>(
  "subscription Frames($after: String) { frames(after: $after) { cursor } }",
);

type Frames = (after: string | undefined, cut: () => void) => AsyncGenerator<{ frames: { cursor: string } }>;

/** A graphql-ws server whose frames are given; `cut` breaks all its connections as a dying process does. */
async function streamServer(frames: Frames, accepts: (params: unknown) => boolean = () => true) {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, path: "/graphql" });
  const cut = () => {
    for (const socket of sockets.clients) socket.terminate();
  };
  useServer(
    {
      schema,
      onConnect: ({ connectionParams, extra }) => {
        if (!accepts(connectionParams)) extra.socket.close(CloseCode.Unauthorized, "Unauthorized");
      },
      roots: { subscription: { frames: ({ after }: { after?: string }) => frames(after, cut) } },
    },
    sockets,
  );
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    sockets,
    async [Symbol.asyncDispose]() {
      cut();
      sockets.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

const frame = (cursor: string) => ({ frames: { cursor } });
const never = () => new Promise<never>(() => undefined);

function follow(url: string, signal: AbortSignal, silenceMs?: number) {
  const sleep = async () => undefined;
  const optional = silenceMs === undefined ? {} : { silenceMs };
  return followStream({ url, apiKey: "dk_1", clientId: "s1", document, variables: {}, signal, sleep, ...optional });
}

describe("a followed stream", () => {
  test("goes on behind the last frame taken when its connection breaks", async () => {
    const asked: (string | undefined)[] = [];
    await using server = await streamServer(async function* (after, cut) {
      asked.push(after);
      yield frame(after === undefined ? "c1" : `${after}+`);
      if (asked.length < 3) cut();
      await never();
    });
    const stop = new AbortController();
    const cursors: string[] = [];
    for await (const { cursor } of follow(server.url, stop.signal)) {
      cursors.push(cursor);
      if (cursors.length === 3) stop.abort();
    }
    expect(cursors).toEqual(["c1", "c1+", "c1++"]);
    expect(asked).toEqual([undefined, "c1", "c1+"]);
  });

  test("sends the key and the session, and leaves no socket behind when its reader stops", async () => {
    const seen: unknown[] = [];
    await using server = await streamServer(
      async function* () {
        yield frame("c1");
        await never();
      },
      (params) => seen.push(params) > 0,
    );
    for await (const { cursor } of follow(server.url, new AbortController().signal)) {
      expect(cursor).toBe("c1");
      break;
    }
    expect(seen).toEqual([{ authorization: "Bearer dk_1", clientId: "s1" }]);
    await expect.poll(() => server.sockets.clients.size).toBe(0);
  });

  test("connects again when nothing comes for too long", async () => {
    let connections = 0;
    await using server = await streamServer(async function* () {
      connections += 1;
      if (connections === 1) await never();
      yield frame("c2");
    });
    for await (const { cursor } of follow(server.url, new AbortController().signal, 50)) {
      expect(cursor).toBe("c2");
      break;
    }
    // On a busy machine even a connection that brings something may take longer than that.
    expect(connections).toBeGreaterThan(1);
  });

  test("comes back when it had too many streams, as one of them may just be ending", async () => {
    let tries = 0;
    await using server = await streamServer(async function* () {
      if (tries++ < 2)
        yield await Promise.reject(
          new GraphQLError("3 streams", { extensions: { code: "RATE_LIMITED", retryable: true, retryAfterMs: 2_000 } }),
        );
      yield frame("c1");
    });
    for await (const { cursor } of follow(server.url, new AbortController().signal)) {
      expect(cursor).toBe("c1");
      break;
    }
    expect(tries).toBe(3);
  });

  test("fails when the server refuses the cursor or the key, as trying again would not help", async () => {
    await using expired = await streamServer(async function* () {
      yield await Promise.reject(new GraphQLError("Cursor expired", { extensions: { code: "CURSOR_EXPIRED" } }));
    });
    const { signal } = new AbortController();
    await expect(follow(expired.url, signal).next()).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });

    await using closed = await streamServer(
      async function* () {
        yield frame("c1");
      },
      () => false,
    );
    await expect(follow(closed.url, signal).next()).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  test("waits longer from one failed connection to the next", async () => {
    const url = await deserted();
    const stop = new AbortController();
    const waits: number[] = [];
    const sleep = async (ms: number) => {
      if (waits.push(ms) === 8) stop.abort();
    };
    const settings = { url, apiKey: undefined, document, variables: {}, signal: stop.signal, sleep };
    await expect(followStream(settings).next()).resolves.toMatchObject({ done: true });
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });
});

/** An address where nothing listens any more. */
async function deserted(): Promise<string> {
  await using server = await streamServer(async function* () {
    yield frame("c1");
  });
  return server.url;
}
