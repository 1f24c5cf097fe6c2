import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { commit, type TestLog, taskEvent } from "../log/test-log.ts";
import { readEvents } from "../support/event-stream.ts";
import { startHttpLog } from "../support/http-log.ts";
import { connectSocket } from "../support/socket.ts";

const STALL_MS = 3_000;
const EVENTS = 60;
const EVENT_SIZE = 200_000;
/** One frame, which holds a million characters of payload, and what is around it. */
const MOST_BUFFERED = 1_500_000;

const QUERY = `subscription ($after: String) {
  taskEvents(filter: {projects: ["alpha"]}, after: $after) { cursor events { number payload } }
}`;

interface Frame {
  readonly cursor: string;
  readonly events: readonly { readonly number: number }[];
}

const oneTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);
const numbersOf = (frames: readonly Frame[]) => frames.flatMap(({ events }) => events.map(({ number }) => number));
const cursorOf = (frames: readonly Frame[]) => frames.at(-1)?.cursor ?? "";
const frameIn = (data: string): Frame => JSON.parse(data).data.taskEvents;

/** A server that soon loses its patience, and its end of every connection. */
async function startImpatientServer() {
  const sockets: Socket[] = [];
  const note = (message: unknown) => void sockets.push((message as { socket: Socket }).socket);
  const accepted = channel("net.server.socket");
  accepted.subscribe(note);
  onTestFinished(() => void accepted.unsubscribe(note));
  return { ...(await startHttpLog({ settings: { stallMs: STALL_MS } })), sockets };
}

/** Writes all events to a client that reads none of them, and waits until the server has got rid of it. */
async function writeUntilCutOff({ database, log }: TestLog, socket: Socket): Promise<void> {
  let most = 0;
  const look = setInterval(() => {
    most = Math.max(most, socket.writableLength);
  }, 1);
  const blob = "x".repeat(EVENT_SIZE);
  for (let written = 0; written < EVENTS; written += 5)
    await commit(database, ...oneTo(5).map((n) => taskEvent("alpha", `TASK-${written + n}`, { blob })));
  await expect.poll(() => log.streams).toBe(0);
  await expect.poll(() => socket.destroyed).toBe(true);
  clearInterval(look);
  // It did not read: something waited for it.
  expect(most).toBeGreaterThan(EVENT_SIZE);
  expect(most).toBeLessThan(MOST_BUFFERED);
}

test("a reader of server-sent events that stalls costs a frame, is cut off, and misses nothing when it resumes", async () => {
  const at = await startImpatientServer();
  const open = async (lastEventId: string | null) => {
    const request = get(`${at.url}/graphql?query=${encodeURIComponent(QUERY)}`, {
      headers: {
        authorization: `Bearer ${at.key}`,
        accept: "text/event-stream",
        ...(lastEventId !== null && { "last-event-id": lastEventId }),
      },
    });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    onTestFinished(() => void response.destroy());
    return readEvents(response);
  };
  // What is not taken from this is not read from the socket.
  const stalled = await open(null);
  const frames: Frame[] = [];
  const take = async () => {
    const { value, done } = await stalled.next();
    if (!done && value.event === "next") frames.push(frameIn(value.data));
    return !done;
  };
  await take();
  const [socket] = at.sockets as [Socket];
  await writeUntilCutOff(at, socket);

  // What was on its way still comes, and breaks off somewhere in a frame.
  while (await take().catch(() => false));
  expect(numbersOf(frames).length).toBeLessThan(EVENTS);
  for await (const { data, event } of await open(cursorOf(frames))) {
    if (event === "next") frames.push(frameIn(data));
    if (numbersOf(frames).length >= EVENTS) break;
  }
  expect(numbersOf(frames)).toEqual(oneTo(EVENTS));
});

test("a WebSocket that is not read costs a frame, is cut off, and misses nothing when it resumes", async () => {
  const at = await startImpatientServer();
  const wsUrl = `${at.url.replace("http", "ws")}/graphql`;
  const subscribe = (after: string | null) => ({
    type: "subscribe",
    id: "1",
    payload: { query: QUERY, variables: { after } },
  });
  const stalled = new WebSocket(wsUrl, "graphql-transport-ws");
  onTestFinished(() => stalled.terminate());
  const frames: Frame[] = [];
  const take = (text: string) => {
    const { type, payload } = JSON.parse(text);
    if (type === "next") frames.push(payload.data.taskEvents);
    return type as string;
  };
  stalled.on("message", (data) => {
    const type = take(String(data));
    if (type === "connection_ack") stalled.send(JSON.stringify(subscribe(null)));
    else stalled.pause();
  });
  await once(stalled, "open");
  stalled.send(JSON.stringify({ type: "connection_init", payload: { apiKey: at.key } }));
  await expect.poll(() => frames.length).toBe(1);
  const [socket] = at.sockets as [Socket];
  await writeUntilCutOff(at, socket);

  stalled.removeAllListeners("message").on("message", (data) => void take(String(data)));
  stalled.resume();
  await once(stalled, "close");
  expect(numbersOf(frames).length).toBeLessThan(EVENTS);
  const resumed = await connectSocket(wsUrl, { apiKey: at.key });
  resumed.send(subscribe(cursorOf(frames)));
  while (numbersOf(frames).length < EVENTS) take(JSON.stringify(await resumed.next()));
  expect(numbersOf(frames)).toEqual(oneTo(EVENTS));
});
