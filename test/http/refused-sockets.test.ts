import { channel } from "node:diagnostics_channel";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());

const UPGRADE =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** The server's ends of all connections. */
function watchAccepted(): readonly Socket[] {
  const sockets: Socket[] = [];
  const note = (message: unknown) => void sockets.push((message as { socket: Socket }).socket);
  const accepted = channel("net.server.socket");
  accepted.subscribe(note);
  onTestFinished(() => void accepted.unsubscribe(note));
  return sockets;
}

/** Sends a head of a request on a connection whose own side stays open. */
function sendHead(head: string): Socket {
  const socket = connect({ port: Number(new URL(server.url).port), host: "127.0.0.1", allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined);
  socket.write(`${head}\r\n`);
  return socket;
}

test.each([
  ["at another path", `GET /nowhere HTTP/1.1\r\nHost: localhost\r\n${UPGRADE}`, 404],
  ["under a foreign name", `GET /graphql HTTP/1.1\r\nHost: evil.example\r\n${UPGRADE}`, 403],
  [
    "with a long client id",
    `GET /graphql HTTP/1.1\r\nHost: localhost\r\nDocket-Client-Id: ${"c".repeat(201)}\r\n${UPGRADE}`,
    400,
  ],
  ["as a tunnel", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n", 405],
])(
  "a socket that was refused %s is told why, and is gone even if its client never closes it",
  async (_, head, status) => {
    const accepted = watchAccepted();
    const clients = Array.from({ length: 20 }, () => sendHead(head));
    const answers = await Promise.all(clients.map((client) => text(client)));
    expect(answers.map((answer) => answer.slice(0, 12))).toEqual(clients.map(() => `HTTP/1.1 ${status}`));
    expect(answers[0]).toMatch(/\r\n\r\n.{10,}/);
    await expect.poll(() => accepted.filter(({ destroyed }) => !destroyed), { timeout: 5_000 }).toEqual([]);
    expect(accepted).toHaveLength(clients.length);
  },
);

test("a body is not taken in before its caller has said who it is", async () => {
  const head = (path: string, more: string) =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n${more}`;
  for (const path of ["/graphql", "/mcp"]) {
    // Not one byte of it has come.
    const stranger = sendHead(head(path, "Authorization: Bearer dk_wrong\r\n"));
    const [answer] = await new Promise<[Buffer]>((resolve) => stranger.once("data", (data) => resolve([data])));
    expect(String(answer)).toMatch(/^HTTP\/1\.1 401 /);
  }
});

test("a WebSocket that has not said who it is may send no more than that takes", async () => {
  const accepted = watchAccepted();
  const head = `GET /graphql HTTP/1.1\r\nHost: localhost\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n${UPGRADE}`;
  const client = sendHead(head);
  await new Promise((resolve) => client.once("data", resolve));
  // A message of 900 kB, which comes for ever.
  client.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x0d, 0xbb, 0xa0, 0, 0, 0, 0]));
  client.write(Buffer.alloc(60_000, " "));
  await expect.poll(() => accepted[0]?.bytesRead).toBeGreaterThan(60_000);
  expect(accepted[0]?.destroyed).toBe(false);
  client.write(Buffer.alloc(60_000, " "));
  await expect.poll(() => accepted[0]?.destroyed).toBe(true);
});
