import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket, type TestSocket } from "../support/socket.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());

const MEGABYTE = 1024 * 1024;
/** With this body a request counts as a megabyte. */
const BODY_BYTES = MEGABYTE - 8 * 1024;
/** Of these one key may have as many under way. */
const FULL = 64;
const NAME = "{ viewer { name } }";
const REFUSAL = { code: "RATE_LIMITED", retryable: true, retryAfterMs: 1_000 };

/** A request whose body has not come to its end; without a length that is announced, all of it but the last byte has. */
function unfinished(key: string, { size = BODY_BYTES, announced = true } = {}) {
  const body = JSON.stringify({ query: NAME }).padEnd(size, " ");
  const length = announced ? { "content-length": size } : {};
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", ...length };
  // A connection of its own: one that is kept alive may be closed just when it is taken again.
  const sent = request(`${server.url}/graphql`, { method: "POST", headers, agent: false });
  onTestFinished(() => void sent.destroy());
  let answered = false;
  const answer = once(sent, "response").then(async ([response]) => {
    answered = true;
    const { statusCode: status, headers } = response;
    return { status, retryAfter: headers["retry-after"], ...JSON.parse(await text(response)) };
  });
  answer.catch(() => undefined);
  sent.on("error", () => undefined);
  const first = announced ? 1 : size - 1;
  sent.write(body.slice(0, first));
  return {
    answer,
    isAnswered: () => answered,
    finish: () => void sent.end(body.slice(first)),
    leave: () => void sent.destroy(),
  };
}

/** As many as the key may have under way, once the server knows them; the one that was too much is answered. */
async function fill(key: string) {
  const sent = Array.from({ length: FULL + 1 }, () => unfinished(key));
  const refused = () => sent.filter(({ isAnswered }) => isAnswered());
  await expect.poll(refused).toHaveLength(1);
  return { refused: refused(), waiting: sent.filter(({ isAnswered }) => !isAnswered()) };
}

const ask = (key: string) => server.gql(NAME, {}, { key });
const REFUSED = { errors: [{ extensions: REFUSAL }] };
/** It is not noticed at once that one has gone. */
const served = (key: string) => expect.poll(() => ask(key)).toMatchObject({ data: { viewer: {} } });

function askOver(socket: TestSocket, id: string, query: string, size = 0) {
  const message = (pad: string) => ({ type: "subscribe", id, payload: { query, variables: { pad } } });
  socket.send(message("x".repeat(Math.max(0, size - JSON.stringify(message("")).length))));
}

test("announced bodies fit a key's budget to the last byte, and one request more is refused until one is gone", async () => {
  const { secret } = await server.makeKey({ name: "announced" });
  const { refused, waiting } = await fill(secret);
  expect(await refused[0]?.answer).toMatchObject({ status: 429, retryAfter: "1", ...REFUSED });
  expect(await ask(secret)).toMatchObject(REFUSED);
  // Other keys have budgets of their own.
  expect(await ask(server.agentKey)).toEqual({ data: { viewer: { name: "agent" } } });
  waiting.pop()?.leave();
  await served(secret);
  for (const { finish } of waiting) finish();
  const statuses = await Promise.all(waiting.map(async ({ answer }) => (await answer).status));
  expect(statuses).toEqual(Array(FULL - 1).fill(200));
});

test("a body of unknown length counts as it comes", async () => {
  const { secret } = await server.makeKey({ name: "chunked" });
  const { waiting } = await fill(secret);
  waiting.pop()?.leave();
  await served(secret);
  const fits = unfinished(secret, { announced: false });
  fits.finish();
  expect(await fits.answer).toMatchObject({ status: 200, data: { viewer: { name: "chunked" } } });
  const tooLarge = unfinished(secret, { announced: false, size: BODY_BYTES + 2 });
  expect(await tooLarge.answer).toMatchObject({ status: 429, ...REFUSED });
});

test("messages of WebSockets count against the same budget, and what ends one makes room", async () => {
  const { secret } = await server.makeKey({ name: "sockets" });
  const socket = await connectSocket(server.wsUrl, { apiKey: secret });
  const { waiting } = await fill(secret);
  askOver(socket, "refused", NAME, BODY_BYTES);
  expect(await socket.next()).toMatchObject({ id: "refused", type: "error", payload: [{ extensions: REFUSAL }] });
  waiting.pop()?.leave();
  await served(secret);
  askOver(socket, "waits", "{ events(waitSeconds: 20) { cursor } }", BODY_BYTES);
  askOver(socket, "too much", NAME);
  expect(await socket.next()).toMatchObject({ id: "too much", type: "error", payload: [{ extensions: REFUSAL }] });
  expect(await ask(secret)).toMatchObject(REFUSED);
  // Beyond the limit, too, what ends an operation is heard.
  socket.send({ type: "complete", id: "waits" });
  await served(secret);
  askOver(socket, "served", NAME);
  expect(await socket.next()).toMatchObject({ id: "served", payload: { data: { viewer: { name: "sockets" } } } });
});

test("an open stream gives back what its request took, over HTTP and over a WebSocket", async () => {
  const { secret } = await server.makeKey({ name: "streams" });
  const { waiting } = await fill(secret);
  waiting.pop()?.leave();
  await served(secret);
  const query = "subscription { taskEvents { cursor } }";
  const headers = {
    authorization: `Bearer ${secret}`,
    "content-type": "application/json",
    accept: "text/event-stream",
  };
  const body = JSON.stringify({ query }).padEnd(BODY_BYTES, " ");
  const stream = await fetch(`${server.url}/graphql`, { method: "POST", headers, body });
  expect(stream.status).toBe(200);
  await served(secret);
  const socket = await connectSocket(server.wsUrl, { apiKey: secret, clientId: "another" });
  askOver(socket, "stream", query, BODY_BYTES);
  expect(await socket.next()).toMatchObject({ id: "stream", type: "next" });
  await served(secret);
  await stream.body?.cancel();
});

test("the MCP endpoint counts as well", async () => {
  const { secret } = await server.makeKey({ name: "mcp" });
  await fill(secret);
  const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  const answer = await fetch(`${server.url}/mcp`, { method: "POST", headers, body });
  expect(answer.status).toBe(429);
  expect(await answer.json()).toMatchObject(REFUSED);
});
