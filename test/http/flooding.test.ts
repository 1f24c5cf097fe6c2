import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";

const MEGABYTE = 1024 * 1024;
/** What may wait unread, the answer that went beyond it, and what is around them. */
const MOST_BUFFERED = 66 * MEGABYTE;

const LARGE =
  "INSERT INTO tasks (project_id, task_id, description, context_notes) " +
  "SELECT 'alpha', artifact_id('TASK', n), 'large', repeat('x', 100000) FROM generate_series(1, 10) n";
/** Its answer takes a megabyte. */
const largeQuery = (id: number) => ({
  type: "subscribe",
  id: String(id),
  payload: { query: "{ tasks { nodes { contextNotes } } }" },
});

/** A connected client that reads nothing any more, and the server's end of its connection. */
async function openUnread() {
  const sockets: Socket[] = [];
  const note = (message: unknown) => void sockets.push((message as { socket: Socket }).socket);
  const accepted = channel("net.server.socket");
  accepted.subscribe(note);
  onTestFinished(() => void accepted.unsubscribe(note));
  const { wsUrl, agentKey, test, ask } = await startTestServer();
  await ask('mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }');
  await (await connectOwner(test)).query(LARGE);
  sockets.length = 0;
  const client = new WebSocket(wsUrl, "graphql-transport-ws");
  client.on("error", () => undefined);
  onTestFinished(() => client.terminate());
  await once(client, "open");
  client.send(JSON.stringify({ type: "connection_init", payload: { apiKey: agentKey } }));
  await once(client, "message");
  client.pause();
  const [socket] = sockets as [Socket];
  let most = 0;
  // At each write: all may be written, and the client cut off, in one turn.
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean;
  socket.write = (...given: unknown[]) => {
    const taken = write(...given);
    most = Math.max(most, socket.writableLength);
    return taken;
  };
  return { client, socket, most: () => most };
}

test.each([
  ["queries with large answers", 150, (id: number) => JSON.stringify(largeQuery(id))],
  ["large pings", 200, () => JSON.stringify({ type: "ping", payload: { text: "x".repeat(MEGABYTE - 100) } })],
])("a WebSocket that sends %s and reads nothing is cut off before it fills the memory", async (_, count, message) => {
  const { client, socket, most } = await openUnread();
  // In step with what is taken, so that the flood does not stand in this process's own memory.
  for (let id = 0; id < count && !socket.destroyed; id++)
    await new Promise<void>((resolve) => client.send(message(id), () => resolve()));
  await expect.poll(() => socket.destroyed).toBe(true);
  expect(most()).toBeGreaterThan(MEGABYTE);
  expect(most()).toBeLessThan(MOST_BUFFERED);
});

test("a WebSocket that asks for too much at once is told, and all else is answered", async () => {
  const { wsUrl, agentKey, test } = await startTestServer();
  const socket = await connectSocket(wsUrl, { apiKey: agentKey });
  const ask = (id: string, query: string) => socket.send({ type: "subscribe", id, payload: { query } });
  // Open streams take nobody's place.
  for (const id of ["s1", "s2", "s3"]) {
    ask(id, "subscription { taskEvents { cursor } }");
    expect(await socket.next()).toMatchObject({ id, type: "next" });
  }
  const owner = await connectOwner(test);
  // Nobody learns who asks, so all are under way together.
  await owner.query("BEGIN; LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE");
  for (let id = 1; id <= 201; id++) ask(String(id), "{ viewer { name } }");
  const refusal = { code: "RATE_LIMITED", retryable: true };
  expect(await socket.next()).toMatchObject({ id: "201", type: "error", payload: [{ extensions: refusal }] });
  await owner.query("ROLLBACK");
  const completed = async (count: number) => {
    const answers = new Set<string>();
    for (let left = count; left > 0; ) {
      const { type, payload } = await socket.next();
      if (type === "complete") left--;
      answers.add(JSON.stringify(payload ?? null));
    }
    return answers;
  };
  expect(await completed(200)).toContain('{"data":{"viewer":{"name":"agent"}}}');
  ask("202", "{ viewer { name } }");
  expect(await completed(1)).toContain('{"data":{"viewer":{"name":"agent"}}}');
});
