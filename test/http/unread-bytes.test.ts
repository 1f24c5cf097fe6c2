import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { type Reader, UnreadBytes } from "../../src/http/unread-bytes.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";

const MEGABYTE = 1024 * 1024;

/** A connection that only notes what is done to it. */
function reader(owner: string | null) {
  const done: string[] = [];
  return { owner, done, leave: () => void done.push("leave"), destroy: () => void done.push("destroy") };
}

const AROUND = 256;

test("a key within its budget loses nobody, and one byte more costs the reader that took nothing for longest", () => {
  const unread = new UnreadBytes(1_000);
  const [fast, slow] = [reader("a"), reader("a")];
  const taken = unread.add(fast, 200 - AROUND);
  unread.add(slow, 400 - AROUND);
  unread.add(fast, 300 - AROUND);
  taken();
  unread.add(fast, 300 - AROUND);
  expect([fast.done, slow.done]).toEqual([[], []]);
  unread.add(fast, 1 - AROUND);
  expect([fast.done, slow.done]).toEqual([[], ["leave"]]);
});

test("budgets of keys are apart, also from that of connections that have no key yet", () => {
  const unread = new UnreadBytes(1_000);
  const readers = ["a", "b", null].map(reader);
  for (const one of readers) unread.add(one, 1_000 - AROUND);
  expect(readers.map(({ done }) => done)).toEqual([[], [], []]);
  unread.add(reader("a"), 1_000 - AROUND);
  expect(readers.map(({ done }) => done)).toEqual([["leave"], [], []]);
});

test("readers that leave are destroyed once what waits for them is more than the budget itself", () => {
  const unread = new UnreadBytes(1_000);
  const readers = ["a", "a", "a"].map(reader);
  for (const one of readers) unread.add(one, 700 - AROUND);
  expect(readers.map(({ done }) => done)).toEqual([["leave", "destroy"], ["leave", "destroy"], []]);
  unread.add(readers[2] as Reader, 300 - AROUND);
  expect(readers[2]?.done).toEqual([]);
});

test("what was taken, or went with its connection, no longer counts", () => {
  const unread = new UnreadBytes(1_000);
  const [first, second, third] = [reader("a"), reader("a"), reader("a")];
  const taken = unread.add(first, 1_000 - AROUND);
  taken();
  unread.add(second, 1_000 - AROUND);
  unread.drop(second);
  unread.add(third, 1_000 - AROUND);
  expect([first.done, second.done, third.done]).toEqual([[], [], []]);
});

/** The server's ends of all connections, and the most that ever waited in all of them together. */
function watchAccepted() {
  const sockets = new Set<Socket>();
  const note = (message: unknown) => void sockets.add((message as { socket: Socket }).socket);
  const accepted = channel("net.server.socket");
  accepted.subscribe(note);
  let most = 0;
  const look = setInterval(() => {
    const waiting = [...sockets].reduce(
      (sum, { writableLength, destroyed }) => sum + (destroyed ? 0 : writableLength),
      0,
    );
    most = Math.max(most, waiting);
  }, 1);
  onTestFinished(() => {
    accepted.unsubscribe(note);
    clearInterval(look);
  });
  return { most: () => most };
}

test("ten sockets and a stream of one key that read nothing wait in one budget, and another key notices nothing", async () => {
  const accepted = watchAccepted();
  const server = await startTestServer();
  const { secret } = await server.makeKey({ name: "other" });
  const other = await connectSocket(server.wsUrl, { apiKey: secret });
  const closed: number[] = [];
  const clients = await Promise.all(
    Array.from({ length: 10 }, async (_, n) => {
      // A mask of zeros: applying one to all that is sent, and taking it off, would cost as much as the test itself.
      const client = new WebSocket(server.wsUrl, "graphql-transport-ws", { generateMask: (mask) => void mask.fill(0) });
      client.on("error", () => undefined);
      client.on("close", (code) => void closed.push(code));
      onTestFinished(() => client.terminate());
      await once(client, "open");
      client.send(JSON.stringify({ type: "connection_init", payload: { apiKey: server.agentKey, clientId: `c${n}` } }));
      await once(client, "message");
      client.pause();
      return client;
    }),
  );
  const query = encodeURIComponent("subscription { taskEvents { cursor } }");
  const stream = get(`${server.url}/graphql?query=${query}`, {
    headers: { authorization: `Bearer ${server.agentKey}`, accept: "text/event-stream" },
  });
  const [events] = (await once(stream, "response")) as [IncomingMessage];
  onTestFinished(() => void events.destroy());

  // What they ask for comes back to them; the system's own buffers take a few of it for each.
  const ping = JSON.stringify({ type: "ping", payload: { text: "x".repeat(MEGABYTE - 100) } });
  for (let round = 0; round < 24; round++)
    for (const client of clients) await new Promise<void>((resolve) => client.send(ping, () => resolve()));
  await expect.poll(accepted.most).toBeGreaterThan(50 * MEGABYTE);
  for (const client of clients) client.resume();
  await expect.poll(() => closed.length).toBeGreaterThan(0);
  // The budget, as much again for those that leave, and the answer that went beyond it.
  expect(accepted.most()).toBeLessThan(130 * MEGABYTE);
  expect(new Set(closed).difference(new Set([1006, 1013]))).toEqual(new Set());
  other.send({ type: "subscribe", id: "1", payload: { query: "{ viewer { name } }" } });
  expect(await other.next()).toMatchObject({ payload: { data: { viewer: { name: "other" } } } });
});

/** Bytes of live objects, beside what waits in buffers. */
function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
  return process.memoryUsage().heapUsed;
}

test("an answer that waits to be read is kept as its bytes and nothing else", async () => {
  const accepted = watchAccepted();
  const { wsUrl, agentKey, test, ask } = await startTestServer();
  const tasks = Array.from({ length: 10 }, () => '{description: "long"}').join();
  await ask(`mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [${tasks}]}) { taskIds } }`);
  const owner = await connectOwner(test);
  await owner.query("UPDATE tasks SET context_notes = repeat('x', 100000)");
  const client = new WebSocket(wsUrl, "graphql-transport-ws");
  onTestFinished(() => client.terminate());
  await once(client, "open");
  client.send(JSON.stringify({ type: "connection_init", payload: { apiKey: agentKey } }));
  await once(client, "message");
  client.pause();
  const query = "{ tasks(first: 10) { nodes { contextNotes project { name } attempts(first: 1) { number } } } }";
  const before = heapBytes();
  for (let id = 0; id < 40; id++) client.send(JSON.stringify({ type: "subscribe", id: `${id}`, payload: { query } }));
  await expect.poll(accepted.most).toBeGreaterThan(30 * MEGABYTE);
  expect(heapBytes() - before).toBeLessThan(10 * MEGABYTE);
});
