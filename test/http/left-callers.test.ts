import { channel } from "node:diagnostics_channel";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { shareServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";

/** How long a slow read looks at each reservation, in seconds. */
const SLOW = 0.2;
const SLOW_READ = "{ reservations { nodes { reservationId } } }";

const shared = shareServer({ DOCKET_POOL_SIZE: "3" });

beforeAll(async () => {
  await shared.server.ask(
    'mutation { reserveIds(input: {projectId: "alpha", createProject: true, artifactType: "US"}) { replayed } }',
  );
  await shared.owner.query(`
    ALTER TABLE id_reservations ENABLE ROW LEVEL SECURITY;
    CREATE POLICY slow ON id_reservations TO docket_app USING (pg_sleep(${SLOW}) IS NOT NULL)`);
});

/** The document that claims the one task of a new project. */
async function prepareClaim(projectId: string): Promise<string> {
  await shared.server.ask(`mutation {
    addTasks(input: {projectId: "${projectId}", createProject: true, tasks: [{description: "w"}]}) { replayed }
  }`);
  return `mutation { claimNextTask(input: {projectId: "${projectId}"}) { task { taskId } } }`;
}

const TAKEN = { claimNextTask: { task: { taskId: "TASK-001" } } };

/** Slow reads that the database is busy with. */
async function reading(): Promise<number> {
  const { rowCount } = await shared.owner.query(
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user AND wait_event = 'PgSleep'",
  );
  return rowCount ?? 0;
}

/** Sends a document with a signal, and does not care for its answer. */
function send(query: string, caller: AbortController): void {
  fetch(`${shared.server.url}/graphql`, {
    method: "POST",
    signal: caller.signal,
    headers: { "content-type": "application/json", authorization: `Bearer ${shared.server.agentKey}` },
    body: JSON.stringify({ query }),
  }).catch(() => undefined);
}

/** Counts the requests that have come to this process. */
function countRequests(): () => number {
  let count = 0;
  const note = () => void count++;
  channel("http.server.request.start").subscribe(note);
  onTestFinished(() => void channel("http.server.request.start").unsubscribe(note));
  return () => count;
}

const goneInLog = () => shared.server.logged.filter((line) => line["status_code"] === 499).length;

test("a claim is answered at once after hundreds of requests whose callers went away", async () => {
  const claim = await prepareClaim("hundreds");
  const arrived = countRequests();
  const before = goneInLog();
  const caller = new AbortController();
  for (let i = 0; i < 300; i++) send(SLOW_READ, caller);
  await eventually(() => expect(arrived()).toBe(300));
  await eventually(async () => expect(await reading()).toBeGreaterThan(0));
  caller.abort();
  // A few may have had their answers.
  await eventually(() => expect(goneInLog() - before).toBeGreaterThan(280));
  const began = performance.now();
  expect(await shared.server.ask(claim)).toEqual(TAKEN);
  // What was under way ends; all that waited would have taken more than a minute.
  expect(performance.now() - began).toBeLessThan(10_000);
});

const openSocket = () => connectSocket(shared.server.wsUrl, { apiKey: shared.server.agentKey });
const subscribe = (query: string) => ({ id: "1", type: "subscribe", payload: { query } });

/** By the time that somebody else, who asks later, has an answer, what was sent before waits for its turn. */
async function sent(): Promise<void> {
  for (let i = 0; i < 3; i++) await shared.server.ask("{ viewer { name } }", {}, { key: shared.server.adminKey });
}

test.each<[string, (claim: string) => Promise<void>]>([
  [
    "an HTTP request is aborted",
    async (claim) => {
      const caller = new AbortController();
      send(claim, caller);
      const before = goneInLog();
      await sent();
      caller.abort();
      await eventually(() => expect(goneInLog() - before).toBe(1));
    },
  ],
  [
    "a WebSocket's operation is completed",
    async (claim) => {
      const socket = await openSocket();
      socket.send(subscribe(claim));
      await sent();
      socket.send({ id: "1", type: "complete" });
      // Messages are taken one after the other.
      socket.send({ type: "ping" });
      expect(await socket.next()).toEqual({ type: "pong" });
    },
  ],
  [
    "a WebSocket is closed",
    async (claim) => {
      const socket = await openSocket();
      socket.send(subscribe(claim));
      await sent();
      socket.close();
      await socket.closed;
    },
  ],
])("a claim that waits for its turn takes nothing when %s", async (how, leave) => {
  const claim = await prepareClaim(how.toLowerCase().replaceAll(/\W+/g, "-"));
  const reader = new AbortController();
  for (let i = 0; i < 4; i++) send(SLOW_READ, reader);
  await eventually(async () => expect(await reading()).toBeGreaterThan(0));
  await leave(claim);
  // Its turn comes after that of the one who left.
  expect(await shared.server.ask(claim)).toEqual(TAKEN);
  reader.abort();
});

test("a WebSocket's wait for events ends with the operation, and with the connection", async () => {
  const socket = await openSocket();
  const { logCursor } = await shared.server.ask<{ logCursor: string }>("{ logCursor }");
  for (const leave of [() => socket.send({ id: "1", type: "complete" }), () => socket.close()]) {
    socket.send(subscribe(`{ events(after: "${logCursor}", waitSeconds: 30) { caughtUp } }`));
    await eventually(() => expect(shared.server.log.waiting).toBe(1));
    leave();
    await eventually(() => expect(shared.server.log.waiting).toBe(0), { timeout: 10_000 });
  }
});
