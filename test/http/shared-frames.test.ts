import { fc, test as propertyTest } from "@fast-check/vitest";
import { execute, parse, validateSubscriptionArgs } from "graphql";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { createContext, type GraphQLContext } from "../../schema/context.ts";
import { schema } from "../../schema/index.ts";
import { SERVER, type Viewer } from "../../src/access/viewer.ts";
import { openPrisma } from "../../src/db/prisma.ts";
import { audienceOf, type Validated } from "../../src/http/live/audience.ts";
import type { LoggedEvent } from "../../src/log/read/event.ts";
import { noJobs } from "../support/no-jobs.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";

/** What they select of current state does not change. */
const DOCUMENTS = [
  `subscription ($after: String) { taskEvents(filter: {projects: ["alpha"]}, after: $after) { cursor caughtUp events { number type actor } } }`,
  `subscription Whole($after: String, $most: Int) { taskEvents(after: $after, most: $most) { cursor caughtUp
    events { eventId number type projectId subjectId client occurredAt payload changes { field new } keyName
      task { description createdBy project { projectId idNamespace } } } } }`,
  `subscription ($after: String, $from: [ID!]) { all: taskEvents(filter: {projects: $from}, after: $after) {
    ...Frame events { id correlationId } } } fragment Frame on EventFrame { cursor caughtUp events { worker } }`,
];

interface Client {
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly key: string;
  readonly id: string;
  /** The answers as they came. */
  readonly answers: string[];
  /** Reads on after it read nothing for a while. */
  pause(): void;
  resume(): void;
}

interface Asked extends Pick<Client, "document" | "variables" | "key" | "id"> {
  readonly server: TestServer;
}

async function overSocket({ server, ...asked }: Asked): Promise<Client> {
  const socket = new WebSocket(server.wsUrl, "graphql-transport-ws");
  onTestFinished(() => socket.terminate());
  const answers: string[] = [];
  const head = `{"id":${JSON.stringify(asked.id)},"type":"next","payload":`;
  const begun = Promise.withResolvers<void>();
  socket.on("open", () => socket.send(JSON.stringify({ type: "connection_init", payload: { apiKey: asked.key } })));
  socket.on("message", (data) => {
    const text = String(data);
    if (JSON.parse(text).type === "connection_ack") {
      const payload = { query: asked.document, variables: asked.variables };
      return socket.send(JSON.stringify({ type: "subscribe", id: asked.id, payload }));
    }
    expect(text.slice(0, head.length)).toBe(head);
    answers.push(text.slice(head.length, -1));
    begun.resolve();
  });
  await begun.promise;
  return { ...asked, answers, pause: () => socket.pause(), resume: () => socket.resume() };
}

async function overEvents({ server, ...asked }: Asked): Promise<Client> {
  const caller = new AbortController();
  onTestFinished(() => caller.abort());
  const { body } = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${asked.key}`,
      accept: "text/event-stream",
      "content-type": "application/json",
      "docket-client-id": asked.id,
    },
    body: JSON.stringify({ query: asked.document, variables: asked.variables }),
    signal: caller.signal,
  });
  const answers: string[] = [];
  const begun = Promise.withResolvers<void>();
  let go = Promise.resolve();
  let resume = () => {};
  const read = async () => {
    let text = "";
    for await (const chunk of body ?? []) {
      text += Buffer.from(chunk).toString();
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const [, id, data] = /^event: next\nid: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        if (data !== undefined) {
          answers.push(data);
          expect(data).toContain(`"cursor":"${id}"`);
          begun.resolve();
        }
        text = text.slice(end + 2);
      }
      await go;
    }
  };
  read().catch(() => undefined);
  await begun.promise;
  return {
    ...asked,
    answers,
    pause() {
      go = new Promise((resolve) => {
        resume = resolve;
      });
    },
    resume: () => resume(),
  };
}

/** Executes frames one by one, for one viewer, as GraphQL says it. */
function slowWay({ database, log }: TestServer) {
  const services = { database, prisma: openPrisma(database.pool), log, jobs: noJobs, limits: {} };
  onTestFinished(() => services.prisma.$disconnect());
  const context = (viewer: Viewer): GraphQLContext =>
    createContext(services, {
      viewer,
      correlationId: "slow",
      idempotencyKey: null,
      lastEventId: null,
      gone: () => new AbortController().signal,
    });
  const eventsAfter = async (viewer: Viewer, projects: readonly string[] | null, after: string) => {
    const events: LoggedEvent[] = [];
    for (let cursor = after; ; ) {
      const page = await log.events(viewer, { filter: { projects }, after: cursor, first: 100 });
      events.push(...page.events);
      if (page.caughtUp) return events;
      ({ cursor } = page);
    }
  };
  return async ({ document, variables, answers }: Client, viewer: Viewer) => {
    const name = document.includes("all:") ? "all" : "taskEvents";
    const projects = document.includes('"alpha"') ? ["alpha"] : ((variables["from"] as string[] | undefined) ?? null);
    const made: string[] = [];
    let before: string | undefined = variables["after"] as string | undefined;
    for (const answer of answers) {
      const { cursor, caughtUp } = JSON.parse(answer).data[name];
      // Where it began is what its first frame says, if it did not ask for a place.
      before ??= cursor as string;
      const next = new Set((await eventsAfter(viewer, projects, cursor)).map(({ position }) => position));
      const events = (await eventsAfter(viewer, projects, before)).filter(({ position }) => !next.has(position));
      const rootValue = { events, cursor, caughtUp };
      const contextValue = context(viewer);
      const args = { schema, document: parse(document), rootValue, contextValue, variableValues: variables };
      made.push(JSON.stringify(await execute(args)));
      before = cursor;
    }
    return made;
  };
}

const client = fc.record({
  document: fc.nat(DOCUMENTS.length - 1),
  over: fc.constantFrom(overSocket, overSocket, overEvents),
  key: fc.nat(2),
  most: fc.constantFrom(undefined, undefined, 3),
  /** Who asks for other projects may get the same events. */
  from: fc.constantFrom(undefined, ["alpha"], ["alpha", "beta"], ["beta", "alpha"]),
  /** After how many rounds it comes, and whether it asks for what was before. */
  after: fc.nat(3),
  resumes: fc.boolean(),
  sameId: fc.boolean(),
  pauses: fc.boolean(),
});
const round = fc.record({ alpha: fc.nat(4), beta: fc.nat(2) });

propertyTest.prop(
  [fc.array(client, { minLength: 6, maxLength: 14 }), fc.array(round, { minLength: 4, maxLength: 6 })],
  {
    numRuns: 2,
    endOnFailure: true,
  },
)(
  "sends every client, byte for byte, what each frame gives that is executed for it alone",
  async (plans, rounds) => {
    const server = await startTestServer({ env: { DOCKET_STREAMS_PER_CLIENT: "100" } });
    for (const id of ["alpha", "beta"])
      await server.ask(`mutation { createProject(input: {projectId: "${id}", name: "${id}"}) { replayed } }`);
    const limited = await server.makeKey({ name: "limited", projectIds: ["alpha"] });
    const keys = [server.adminKey, server.agentKey, limited.secret];
    const viewers: Viewer[] = [
      { ...SERVER, role: "admin" },
      { ...SERVER, role: "agent" },
      { ...SERVER, role: "agent", projectIds: ["alpha"] },
    ];
    const render = slowWay(server);
    const begin = await server.log.cursor();
    const clients: (Client & { readonly viewer: Viewer })[] = [];
    const add = (projectId: string) =>
      server.ask("mutation ($input: AddTasksInput!) { addTasks(input: $input) { tasksAdded } }", {
        input: { projectId, tasks: [{ description: `line\n"one" \\ é 😀 ${clients.length}` }] },
      });
    for (const [i, { alpha, beta }] of rounds.entries()) {
      for (const plan of plans.filter(({ after }) => after === i)) {
        const variables = {
          ...(plan.resumes && { after: begin }),
          ...(plan.most && plan.document === 1 && { most: plan.most }),
          // One of the keys sees only alpha.
          ...(plan.from && plan.document === 2 && plan.key < 2 && { from: plan.from }),
        };
        const id = plan.sameId ? "1" : crypto.randomUUID();
        const asked = { server, document: DOCUMENTS[plan.document] ?? "", variables, key: keys[plan.key] ?? "", id };
        const viewer = viewers[plan.key] ?? SERVER;
        clients.push({ ...(await plan.over(asked)), viewer });
        if (plan.pauses) clients.at(-1)?.pause();
      }
      for (let n = 0; n < alpha; n++) await add("alpha");
      for (let n = 0; n < beta; n++) await add("beta");
    }
    for (const { resume } of clients) resume();
    await add("alpha");
    const { events } = await server.log.events(SERVER, { filter: { projects: ["alpha"] }, after: begin, first: 100 });
    const last = events.at(-1);
    for (const { document, answers } of clients) {
      const sign = document.includes("all:") ? `"${last?.correlationId}"` : `"number":${last?.number},`;
      await expect.poll(() => answers.join().includes(sign)).toBe(true);
    }
    for (const one of clients) expect(one.answers).toEqual(await render(one, one.viewer));
  },
  180_000,
);

const STATUS = "subscription { projectStatus { cursor projects { projectId taskCounts { count } } } }";

test("presents a failed frame to each client that it was made for: in its request's name, and in its log line", async () => {
  const server = await startTestServer();
  await server.ask('mutation { createProject(input: {projectId: "alpha", name: "A"}) { replayed } }');
  const owner = await connectOwner(server.test);
  const sockets = await Promise.all(
    ["a", "b", "c"].map((clientId) => connectSocket(server.wsUrl, { apiKey: server.agentKey, clientId })),
  );
  for (const socket of sockets) {
    socket.send({ type: "subscribe", id: "1", payload: { query: STATUS } });
    await socket.next();
  }
  await owner.query("ALTER TABLE tasks RENAME COLUMN status TO gone");
  await owner.query(`INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor)
    VALUES ('task.updated', 'alpha', 'task', 'TASK-001', 'sql')`);
  const requestIds = await Promise.all(
    sockets.map(async (socket) => {
      const { message, extensions } = await failure(socket);
      expect(extensions["code"]).toBe("INTERNAL");
      expect(message).toContain(String(extensions["requestId"]));
      expect(await socket.next()).toMatchObject({ type: "complete" });
      return extensions["requestId"];
    }),
  );
  expect(new Set(requestIds).size).toBe(3);
  await expect
    .poll(() => server.logged.filter((line) => line["method"] === "WS" && line["code"] === "INTERNAL"))
    .toHaveLength(3);
  for (const id of requestIds)
    expect(server.logged.filter((line) => line["request_id"] === id).map(({ level }) => level)).toEqual([
      "error",
      "error",
    ]);
  await owner.query("ALTER TABLE tasks RENAME COLUMN gone TO status");
});

/** The first error that a client is sent; frames of what happened before it subscribed may come first. */
async function failure(socket: { next(): Promise<{ payload?: unknown }> }) {
  for (;;) {
    const { payload } = await socket.next();
    const { errors = [] } = payload as { errors?: { message: string; extensions: Record<string, unknown> }[] };
    const [error] = errors;
    if (error) return error;
  }
}

const ALONE =
  "subscription ($after: String, $types: [String!]) { taskEvents(filter: {types: $types}, after: $after) { cursor } }";
const TWICE = `subscription ($after: String) { taskEvents(filter: {types: [$after]}, after: $after) { cursor } }`;

/** The key of the audience that asks so. */
function keyOf(
  document: string,
  variables: Record<string, unknown>,
  viewer: Partial<Viewer> = {},
  cost: number | null = null,
) {
  const validated = validateSubscriptionArgs({
    schema,
    document: parse(document),
    variableValues: variables,
  }) as Validated;
  const services = {} as Parameters<typeof audienceOf>[0]["services"];
  return audienceOf({ validated, operationName: null, variables, viewer: { ...SERVER, ...viewer }, cost, services })
    .key;
}

test("makes a frame once for those only to whom it looks the same", () => {
  const key = keyOf(ALONE, { types: ["a"] });
  for (const same of [
    keyOf(ALONE, { types: ["a"], after: "x" }),
    keyOf(ALONE, { types: ["a"] }, { actor: "another", name: "another", client: "c", keyId: "k" }),
  ])
    expect(same).toBe(key);
  for (const other of [
    keyOf(ALONE, { types: ["b"] }),
    keyOf(ALONE, { types: ["a"] }, { role: "reader" }),
    keyOf(ALONE, { types: ["a"] }, { projectIds: ["alpha"] }),
    keyOf(ALONE, { types: ["a"] }, { projectIds: [] }),
    keyOf(ALONE, { types: ["a"] }, {}, 7),
    keyOf(`${ALONE} `, { types: ["a"] }),
  ])
    expect(other).not.toBe(key);
  expect(keyOf(TWICE, { after: "x" })).not.toBe(keyOf(TWICE, { after: "y" }));
});
