import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type ClientOptions, WebSocket, WebSocketServer } from "ws";
import { Connection } from "../../src/http/connection.ts";
import { UnreadBytes } from "../../src/http/unread-bytes.ts";
import { TimerWheel } from "../../src/log/live/timer-wheel.ts";
import { ManualClock } from "../log/manual-clock.ts";

/** A client on a real socket, and the server's side of it by a clock that is moved by hand. */
async function connect(options: ClientOptions = {}) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, options);
  onTestFinished(() => client.terminate());
  const [[socket, request]] = await Promise.all([once(server, "connection"), once(client, "open")]);
  const clock = new ManualClock();
  const connection = new Connection({
    socket,
    transport: request.socket,
    credentials: { authorization: null, session: null, client: null },
    tellCost: false,
    unread: new UnreadBytes(1_000_000),
    wheel: new TimerWheel(clock),
    stallMs: 60_000,
  });
  socket.on("close", () => connection.closed());
  const closed = once(client, "close").then(([code, reason]) => [code, String(reason)]);
  return { client, socket, connection, clock, closed };
}

test("closes a WebSocket whose client does not begin within 3 s", async () => {
  const { client, clock, closed } = await connect();
  await clock.advance(2_900);
  expect(client.readyState).toBe(client.OPEN);
  await clock.advance(200);
  expect(await closed).toEqual([4408, "Connection initialisation timeout"]);
});

test("keeps a WebSocket for as long as its client answers pings", async () => {
  const { client, socket, connection, clock } = await connect();
  connection.greeted();
  for (let i = 0; i < 5; i++) {
    const answered = once(socket, "pong");
    await clock.advance(12_000);
    await answered;
  }
  expect(client.readyState).toBe(client.OPEN);
});

test("ends a WebSocket whose client leaves a ping unanswered until the next", async () => {
  const { client, connection, clock, closed } = await connect({ autoPong: false });
  connection.greeted();
  const pinged = once(client, "ping");
  await clock.advance(12_000);
  await pinged;
  expect(client.readyState).toBe(client.OPEN);
  await clock.advance(12_000);
  expect(await closed).toEqual([1006, ""]);
});
