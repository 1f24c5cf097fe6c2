import { channel } from "node:diagnostics_channel";
import type { IncomingMessage, Server } from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { Requester } from "../../src/db/requester.ts";
import { eventually } from "../support/eventually.ts";
import { OWN_LOCK } from "../support/waiting.ts";
import { type Case, openDoors } from "./doors.ts";

const { shared, answered, short, long } = openDoors();

/** What the short way reads, and what only Yoga does. */
const DOORS = ["application/json", "application/graphql+json"];

async function waiting(): Promise<number> {
  const { rowCount } = await shared.owner.query(
    `SELECT FROM pg_locks WHERE NOT granted AND ${OWN_LOCK} AND relation = 'projects'::regclass`,
  );
  return rowCount ?? 0;
}

test("a request that keeps the database busy beyond the limit is ended alike", async () => {
  onTestFinished(() => void vi.restoreAllMocks());
  const beyond = async (door: (sent: Case) => ReturnType<typeof short>) => {
    await shared.owner.query("BEGIN; LOCK TABLE projects IN ACCESS EXCLUSIVE MODE");
    const answering = door({ body: { query: "{ projects { totalCount } }" } });
    await eventually(async () => expect(await waiting()).toBeGreaterThan(0));
    // Not the clock itself: set back, it would have the pool distrust each connection for as long as it was ahead.
    vi.spyOn(Requester.prototype, "workedMs", "get").mockReturnValue(15_001);
    const answer = await answering;
    vi.restoreAllMocks();
    await shared.owner.query("COMMIT");
    return answer;
  };
  const answer = await beyond(short);
  expect(answer.body).toContain("This request has kept the database busy for 15 seconds, which is the limit.");
  expect(answer.logged).toMatchObject({ level: "warn", code: "QUERY_TOO_COMPLEX" });
  expect(answer).toEqual(await beyond(long));
  const byRest = await beyond(() => answered("/tasks?project=none", { headers: {} }));
  expect([byRest.status, JSON.parse(byRest.body)]).toEqual([
    400,
    expect.objectContaining({
      success: false,
      error: expect.stringContaining("15 seconds"),
      code: "QUERY_TOO_COMPLEX",
    }),
  ]);
  expect(byRest.logged).toMatchObject({ level: "warn", code: "QUERY_TOO_COMPLEX" });
});

const REQUEST = "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n";

/** A client that sends the beginning of a request, and no more. */
function begin(type: string, rest: string): Socket {
  const { url, agentKey } = shared.server;
  const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1" });
  onTestFinished(() => void socket.destroy());
  socket.write(`${REQUEST}Authorization: Bearer ${agentKey}\r\nContent-Type: ${type}\r\n${rest}`);
  return socket;
}

const BODY_BEGUN = '\r\n{"query": ';

const goneLines = () => shared.server.logged.filter((line) => line["status_code"] === 499);

/** Two requests that were not answered leave the same line in the log. */
async function expectTwoGoneAlike(before: number): Promise<void> {
  await eventually(() => expect(goneLines()).toHaveLength(before + 2));
  const [first, second] = goneLines()
    .slice(before)
    .map(({ time: _t, request_id: _r, duration_ms: _d, ...line }) => line);
  expect(first).toMatchObject({ method: "POST", path: "/graphql", api_key_prefix: expect.stringMatching(/^dk_/) });
  expect(first).toEqual(second);
}

interface Begun {
  readonly request: IncomingMessage;
  readonly server: Server;
}

/** Requests whose headers have come. */
function watchRequests(): readonly Begun[] {
  const begun: Begun[] = [];
  const note = (message: unknown) => void begun.push(message as Begun);
  const started = channel("http.server.request.start");
  started.subscribe(note);
  onTestFinished(() => void started.unsubscribe(note));
  return begun;
}

/** Their callers are known by then. */
const untilBodiesAreRead = (begun: readonly Begun[], count: number) =>
  eventually(() => expect(begun.filter(({ request }) => request.listenerCount("data") > 0)).toHaveLength(count));

test("a client that leaves in the middle of its body is met alike", async () => {
  const before = goneLines().length;
  const begun = watchRequests();
  for (const [i, type] of DOORS.entries()) {
    const socket = begin(type, BODY_BEGUN);
    await untilBodiesAreRead(begun, i + 1);
    socket.destroy();
  }
  await expectTwoGoneAlike(before);
});

test("a client that stalls is sent away alike, with 408", async () => {
  const before = goneLines().length;
  const begun = watchRequests();
  const inBody = DOORS.map((type) => begin(type, BODY_BEGUN));
  const inHeaders = DOORS.map((type) => begin(type, "X-More: "));
  await untilBodiesAreRead(begun, DOORS.length);
  const [{ server } = expect.fail()] = begun;
  const { requestTimeout, headersTimeout } = server;
  onTestFinished(() => void Object.assign(server, { requestTimeout, headersTimeout }));
  // The server looks every few seconds, and will find that they have not come in time.
  Object.assign(server, { requestTimeout: 1, headersTimeout: 1 });

  const headers = await Promise.all(inHeaders.map((socket) => text(socket)));
  expect(headers[0]).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n.*\r\n\r\nThe request took too long to arrive\.$/s);
  expect(headers[1]).toBe(headers[0]);

  const bodies = await Promise.all(inBody.map((socket) => text(socket)));
  expect(bodies).toEqual(headers);
  await expectTwoGoneAlike(before);
});
