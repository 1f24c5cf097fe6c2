import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../support/database.ts";
import { startServerProcess } from "../support/server-process.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-protocol": "graphql-transport-ws",
};

/** A request as it travels. */
function wire(line: string, headers: Readonly<Record<string, string>>, body = ""): Buffer {
  const all = body === "" ? headers : { ...headers, "content-length": String(Buffer.byteLength(body)) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from(`${line} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** What a client sends to a WebSocket; the mask is zero. */
function frame(message: object): Buffer {
  const text = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from([0x81, 0x80 | 126, text.length >> 8, text.length & 0xff, 0, 0, 0, 0]), text]);
}

/** Every path, by every way in, accepted and refused. None of them changes anything. */
function requests(key: string): Record<string, Buffer> {
  const host = "localhost";
  const authorization = `Bearer ${key}`;
  const json = { host, authorization, "content-type": "application/json" };
  const query = JSON.stringify({ query: "{ viewer { name } }" });
  const list = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  const events = `query=${encodeURIComponent("subscription { taskEvents { cursor } }")}`;
  return {
    page: wire("GET /", { host }),
    health: wire("GET /health", { host }),
    nothing: wire("POST /nowhere", json, query),
    "wrong method": wire("TRACE /mcp", { host }),
    tunnel: wire("CONNECT example.com:443", { host: "example.com:443" }),
    query: wire("POST /graphql", json, query),
    "without a key": wire("POST /graphql", { host, "content-type": "application/json" }, query),
    events: wire(`GET /graphql?${events}`, { host, authorization, accept: "text/event-stream" }),
    tools: wire("POST /mcp", json, list),
    "sign-in": wire("POST /sign-in", { host, "content-type": "application/x-www-form-urlencoded" }, "token=none"),
    "sign-out": wire("POST /sign-out", { host }),
    socket: Buffer.concat([
      wire("GET /graphql", { host, ...UPGRADE }),
      frame({ type: "connection_init", payload: { apiKey: key } }),
    ]),
    "socket elsewhere": wire("GET /nowhere", { host, ...UPGRADE }),
    "socket of a foreign host": wire("GET /graphql", { host: "evil.example", ...UPGRADE }),
    "socket with a cookie of no page": wire("GET /graphql", { host, ...UPGRADE, cookie: "docket_session_80=x" }),
    "socket of a long client id": wire("GET /graphql", { host, ...UPGRADE, "docket-client-id": "c".repeat(201) }),
    "socket without a version": wire("GET /graphql", { host, connection: "Upgrade", upgrade: "websocket" }),
  };
}

type Ending = "reset" | "end" | "reset after the answer";

const CUTTERS = 40;

/** Sends the bytes and breaks the connection by `ending`. Resolves when it is gone on this side. */
async function cut(url: URL, bytes: Buffer, ending: Ending): Promise<void> {
  const socket: Socket = connect(Number(url.port), url.hostname);
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  if (ending === "end") socket.destroy();
  else if (ending === "reset after the answer") socket.once("data", () => socket.resetAndDestroy());
  else {
    // Now and then long enough for the server to be at it; a reset overtakes what was sent.
    await delay(bytes.length % 4);
    socket.resetAndDestroy();
  }
  await closed;
}

const CLAIM = `mutation { claimNextTask(input: {projectId: "alpha", worker: "w"}) { task { taskId } } }`;

test("connections that are cut at any byte, on any path, neither end the server nor disturb a claim", {
  timeout: 120_000,
}, async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const server = await startServerProcess(database, await makeTemporaryFolder("docket-cut-"), { LOG_LEVEL: "error" });
  const url = new URL(server.url);
  const ask = async (query: string) => {
    const headers = { authorization: `Bearer ${server.agentKey}`, "content-type": "application/json" };
    const answer = await fetch(`${server.url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
    return (await answer.json()) as {
      data?: { claimNextTask?: { task: { taskId: string } | null } };
      errors?: unknown;
    };
  };
  const descriptors = () => (process.platform === "linux" ? readdirSync(`/proc/${server.pid}/fd`).length : 0);
  await ask(`mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }`);
  const add = async () => {
    const tasks = Array.from({ length: 100 }, () => `{description: "d"}`).join(" ");
    await ask(`mutation { addTasks(input: {projectId: "alpha", tasks: [${tasks}]}) { tasksAdded } }`);
  };
  await add();
  const before = descriptors();

  const cuts: (() => Promise<void>)[] = [];
  for (const bytes of Object.values(requests(server.agentKey))) {
    for (let at = 1; at <= bytes.length; at++)
      cuts.push(() => cut(url, bytes.subarray(0, at), at % 3 === 0 ? "end" : "reset"));
    for (const ending of ["reset", "end"] as const) cuts.push(() => cut(url, bytes, ending));
    for (let again = 0; again < 5; again++) cuts.push(() => cut(url, bytes, "reset after the answer"));
  }
  expect(cuts.length).toBeGreaterThan(2_500);

  let cutting = true;
  const claimed: (string | undefined)[] = [];
  const claims = (async () => {
    while (cutting) {
      const { data, errors } = await ask(CLAIM);
      expect(errors).toBeUndefined();
      claimed.push(data?.claimNextTask?.task?.taskId);
      if (claimed.length % 50 === 0) await add();
    }
  })();
  await Promise.all(
    Array.from({ length: CUTTERS }, async () => {
      for (let next = cuts.pop(); next; next = cuts.pop()) await next();
    }),
  ).finally(() => {
    cutting = false;
  });
  await claims;

  expect(claimed.length).toBeGreaterThan(20);
  expect(claimed).not.toContain(undefined);
  expect(new Set(claimed).size).toBe(claimed.length);
  expect(server.logged).toEqual([]);
  // Keep-alive connections of the claims' own client may still be open.
  await expect.poll(descriptors, { timeout: 15_000 }).toBeLessThan(before + 10);
});
