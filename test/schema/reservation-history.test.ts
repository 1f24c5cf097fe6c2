import { expect, it } from "vitest";
import { connectOwner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

interface Reservation {
  readonly reservationId: string;
  readonly ids: string[];
  readonly status: string;
  readonly history: { readonly events: { readonly type: string; readonly number: number }[] };
}

const PROJECTS = `mutation {
  alpha: createProject(input: {projectId: "alpha", name: "A"}) { replayed }
  beta: createProject(input: {projectId: "beta", name: "B"}) { replayed }
}`;

/** A server with two projects, and what the cases do there to alpha's. */
async function start() {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  await server.ask(PROJECTS, {}, { key: server.adminKey });
  return {
    server,
    owner,
    /** Calls a mutation as an admin. */
    async call<Data>(name: string, input: string, payload = "replayed") {
      const document = `mutation { ${name}(input: {${input}}) { ${payload} } }`;
      return (await server.ask<Record<string, Data>>(document, {}, { key: server.adminKey }))[name] as Data;
    },
  };
}

type Started = Awaited<ReturnType<typeof start>>;

async function reserve({ call }: Started, count: number): Promise<string> {
  const input = `projectId: "alpha", artifactType: "US", count: ${count}`;
  const { reservation } = await call<{ reservation: { reservationId: string } }>(
    "reserveIds",
    input,
    "reservation { reservationId }",
  );
  return reservation.reservationId;
}

const register = ({ call }: Started, ids: readonly string[]) =>
  call("registerIds", `projectId: "alpha", ids: ${JSON.stringify(ids)}`);

const addTask = ({ call }: Started, task: string) => call("addTasks", `projectId: "alpha", tasks: [{${task}}]`);

const confirm = ({ call }: Started, reservationId: string, ids: readonly string[]) =>
  call("confirmReservation", `reservationId: "${reservationId}", ids: ${JSON.stringify(ids)}`);

/** All reservations, by their IDs and status, each with the types of its events; numbers in order. */
async function told({ ask, agentKey }: TestServer, key = agentKey): Promise<Record<string, string[]>> {
  const { reservations } = await ask<{ reservations: { nodes: Reservation[] } }>(
    "{ reservations { nodes { reservationId ids status history { events { type number } } } } }",
    {},
    { key },
  );
  return Object.fromEntries(
    reservations.nodes.map(({ ids, status, history: { events } }) => {
      const numbers = events.map(({ number }) => number);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      return [`${ids.join(" ")} ${status}`, events.map(({ type }) => type)];
    }),
  );
}

/** Each way in which a reservation comes to be or is changed, and what the histories then tell. */
const WAYS: { how: string; done: (started: Started) => Promise<unknown>; tells: Record<string, string[]> }[] = [
  { how: "reserved", done: (s) => reserve(s, 2), tells: { "US-001 US-002 ACTIVE": ["ids.reserved"] } },
  {
    how: "taken at once",
    done: ({ call }) => call("takeId", 'projectId: "alpha", artifactType: "US"'),
    tells: { "US-001 CONFIRMED": ["ids.assigned"] },
  },
  {
    how: "registered, of two types",
    done: (s) => register(s, ["US-005", "SPEC-002", "US-007"]),
    tells: { "US-005 US-007 CONFIRMED": ["ids.registered"], "SPEC-002 CONFIRMED": ["ids.registered"] },
  },
  {
    how: "given to a new task",
    done: (s) => addTask(s, 'description: "work"'),
    tells: { "TASK-001 CONFIRMED": ["task.created"] },
  },
  {
    how: "brought by a task, with its artifact's",
    done: (s) => addTask(s, 'taskId: "TASK-009", artifactId: "HLS-006", description: "work"'),
    tells: { "TASK-009 CONFIRMED": ["task.created"], "HLS-006 CONFIRMED": ["task.created"] },
  },
  {
    how: "given to several tasks at once",
    done: ({ call }) => call("addTasks", 'projectId: "alpha", tasks: [{description: "a"}, {description: "b"}]'),
    tells: { "TASK-001 TASK-002 CONFIRMED": ["task.created", "task.created"] },
  },
  {
    how: "borne by a task of plain SQL",
    async done(s) {
      await s.owner.query("INSERT INTO tasks (project_id, task_id, description) VALUES ('alpha', 'TASK-001', 'work')");
      await addTask(s, 'description: "next"');
    },
    tells: { "TASK-001 CONFIRMED": ["ids.registered"], "TASK-002 CONFIRMED": ["task.created"] },
  },
  {
    how: "left over by a confirmation of a part",
    done: async (s) => confirm(s, await reserve(s, 3), ["US-002"]),
    tells: { "US-002 CONFIRMED": ["ids.reserved", "ids.confirmed"], "US-001 US-003 RELEASED": ["ids.confirmed"] },
  },
  {
    how: "released as a whole",
    done: async (s) => s.call("releaseReservation", `reservationId: "${await reserve(s, 2)}"`),
    tells: { "US-001 US-002 RELEASED": ["ids.reserved", "ids.released"] },
  },
  {
    how: "left over when a task took a part, and expired",
    async done(s) {
      await reserve(s, 2);
      await addTask(s, 'taskId: "TASK-009", artifactId: "US-002", description: "work"');
      await s.owner.pass(3600);
      await reserve(s, 1);
    },
    tells: {
      "US-001 EXPIRED": ["ids.reserved", "ids.confirmed", "ids.expired"],
      "US-002 CONFIRMED": ["task.created"],
      "TASK-009 CONFIRMED": ["task.created"],
      "US-001 ACTIVE": ["ids.reserved"],
    },
  },
  {
    how: "registered out of a reservation",
    async done(s) {
      await reserve(s, 2);
      await register(s, ["US-002"]);
      await register(s, ["US-001"]);
    },
    tells: {
      "US-001 CONFIRMED": ["ids.reserved", "ids.confirmed", "ids.confirmed"],
      "US-002 CONFIRMED": ["ids.registered"],
    },
  },
  {
    how: "voided, in part and whole",
    async done(s) {
      await register(s, ["US-001", "US-002"]);
      await register(s, ["US-003"]);
      await s.call("voidIds", 'projectId: "alpha", artifactType: "US", ids: ["US-002", "US-003"], reason: "a slip"');
    },
    tells: {
      "US-001 CONFIRMED": ["ids.registered", "ids.voided"],
      "US-002 RELEASED": ["ids.voided"],
      "US-003 RELEASED": ["ids.registered", "ids.voided"],
    },
  },
];

it.each(WAYS)("tells in the history of each reservation how it came to be: $how", async ({ done, tells }) => {
  const started = await start();
  await done(started);
  expect(await told(started.server)).toEqual(tells);
});

it("says in an event which reservations it made or changed beside its subject, and leads to them by that filter", async () => {
  const started = await start();
  const { ask, agentKey } = started.server;
  const reservationId = await reserve(started, 3);
  await confirm(started, reservationId, ["US-002"]);
  await reserve(started, 1);
  const { reservations } = await ask<{ reservations: { nodes: Reservation[] } }>(
    "{ reservations(filter: {status: {eq: RELEASED}}) { nodes { reservationId } } }",
  );
  const splitOff = reservations.nodes.map((rest) => rest.reservationId);
  const events = async (ids: readonly string[], key = agentKey, orderBy = "") =>
    (
      await ask<{ events: { events: { type: string; subjectId: string; payload: { reservationIds?: string[] } }[] } }>(
        `query ($ids: [ID!]!) { events(filter: {subjects: [{type: "reservation", ids: $ids}]}${orderBy}) {
          events { type subjectId payload }
        } }`,
        { ids },
        { key },
      )
    ).events.events;
  const confirmed = { type: "ids.confirmed", subjectId: reservationId, payload: { reservationIds: splitOff } };
  expect(splitOff).toHaveLength(1);
  expect(await events(splitOff)).toMatchObject([confirmed]);
  // One that is about a reservation and names another is told once.
  const both = [reservationId, ...splitOff];
  expect(await events(both)).toMatchObject([{ type: "ids.reserved" }, confirmed]);
  const newestFirst = ", orderBy: {field: POSITION, direction: DESC}";
  expect(await events(both, agentKey, newestFirst)).toMatchObject([confirmed, { type: "ids.reserved" }]);

  const foreign = await started.server.makeKey({ projectIds: ["beta"] });
  expect(await events(both, foreign.secret)).toEqual([]);
  expect(await told(started.server, foreign.secret)).toEqual({});
});

it("finds what takeId told before it named reservations", async () => {
  const started = await start();
  const { server, owner, call } = started;
  await call("takeId", 'projectId: "alpha", artifactType: "US"');
  await owner.query("UPDATE event_inbox SET payload = payload - 'reservationIds' WHERE event_type = 'ids.assigned'");
  // Voided and given again, the same ID is another reservation's.
  await call("voidIds", 'projectId: "alpha", artifactType: "US", ids: ["US-001"], reason: "a slip"');
  await call("takeId", 'projectId: "alpha", artifactType: "US"');
  expect(await told(server)).toEqual({
    "US-001 RELEASED": ["ids.assigned", "ids.voided"],
    "US-001 CONFIRMED": ["ids.assigned"],
  });
});
