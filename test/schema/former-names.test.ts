import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectOwner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
  await server.ask('mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }');
});
afterAll(() => server.close());

const taking = (name: string, more: string) =>
  `mutation { answer: ${name}(input: {projectId: "alpha", artifactType: "US"${more}}) { id replayed } }`;
const take = (name: string, more: string) => server.ask<{ answer: object }>(taking(name, more));

it("takes an ID under nextId as under takeId, whose idempotency keys are the same", async () => {
  for (const [first, then] of [
    ["nextId", "takeId"],
    ["takeId", "nextId"],
  ] as const) {
    const key = `, idempotencyKey: "${first}"`;
    const taken = await take(first, key);
    expect(taken).toMatchObject({ answer: { id: expect.stringMatching(/^US-/), replayed: false } });
    expect(await take(then, key)).toEqual({ answer: { ...taken.answer, replayed: true } });
    expect((await server.gql(taking(then, `${key}, branchName: "other"`))).errors).toMatchObject([
      { extensions: { code: "IDEMPOTENCY_KEY_REUSED" } },
    ]);
  }
});

it("knows the branch of a reservation by both its names, as the same request", async () => {
  const reserve = (more: string) =>
    server.ask(`mutation {
      reserveIds(input: {projectId: "alpha", artifactType: "ADR", idempotencyKey: "branch", ${more}}) {
        replayed reservation { branch branchName }
      }
    }`);
  const reservation = { branch: "main", branchName: "main" };
  expect(await reserve('branchName: "main"')).toEqual({ reserveIds: { replayed: false, reservation } });
  expect(await reserve('branch: "main"')).toEqual({ reserveIds: { replayed: true, reservation } });
  for (const name of ["branchName", "branch"])
    expect(
      await server.ask(`{ reservations(filter: {${name}: {eq: "main"}}) { nodes { branch branchName } } }`),
    ).toEqual({ reservations: { nodes: [reservation] } });
});

/** Keeps an answer under a key of the agent's as a server of before kept it: under the names of then. */
async function keptBefore(key: string, request: readonly [operation: string, ...asked: unknown[]], answer: object) {
  const owner = await connectOwner(server.test);
  await owner.query(
    `INSERT INTO idempotency_keys (actor, key, operation, request_hash, result)
     SELECT prefix || '/' || name, $1, $2, $3, $4 FROM api_keys WHERE name = 'agent'`,
    [key, request[0], createHash("sha256").update(JSON.stringify(request)).digest(), answer],
  );
}

it("answers again what a server of before answered under the former names, by the old name and by the new one", async () => {
  const taken = { id: "US-700", lastAssigned: "US-699" };
  await keptBefore("old take", ["nextId", { artifactType: "US", branch: "main", projectId: "alpha" }], taken);
  for (const name of ["nextId", "takeId"])
    for (const branch of ["branch", "branchName"])
      expect(await take(name, `, ${branch}: "main", idempotencyKey: "old take"`)).toEqual({
        answer: { id: "US-700", replayed: true },
      });

  const { reserveIds } = await server.ask<{ reserveIds: { reservedIds: string[]; reservation: object } }>(
    'mutation { reserveIds(input: {projectId: "alpha", artifactType: "EPIC"}) { reservedIds reservation { reservationId } } }',
  );
  const { reservedIds, reservation } = reserveIds;
  const reserving = { artifactType: "EPIC", branch: "main", count: 1, projectId: "alpha" };
  await keptBefore("old reserve", ["reserveIds", reserving], { reservedIds, ...reservation });
  for (const branch of ["branch", "branchName"])
    expect(
      await server.ask(`mutation {
        reserveIds(input: {
          projectId: "alpha", artifactType: "EPIC", count: 1, ${branch}: "main", idempotencyKey: "old reserve"
        }) { replayed reservedIds }
      }`),
    ).toEqual({ reserveIds: { replayed: true, reservedIds } });
});

it("knows why a task is given back by both its names, as the same request, of this server or one before", async () => {
  const { addTasks } = await server.ask<{ addTasks: { taskIds: string[] } }>(
    'mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "first"}, {description: "second"}]}) { taskIds } }',
  );
  const [taskId, before] = addTasks.taskIds;
  const giveBack = (id: string | undefined, more: string) =>
    server.ask(`mutation {
      updateTaskStatus(input: {projectId: "alpha", taskId: "${id}", status: PENDING, ${more}}) { replayed }
    }`);
  const claim = `mutation {
    updateTaskStatus(input: {projectId: "alpha", taskId: "${taskId}", status: IN_PROGRESS}) { replayed }
  }`;
  for (const [first, then] of [
    ["completionNotes", "notes"],
    ["notes", "completionNotes"],
  ]) {
    await server.ask(claim);
    const key = `idempotencyKey: "back by ${first}"`;
    expect(await giveBack(taskId, `${first}: "stuck", ${key}`)).toEqual({ updateTaskStatus: { replayed: false } });
    expect(await giveBack(taskId, `${then}: "stuck", ${key}`)).toEqual({ updateTaskStatus: { replayed: true } });
  }
  const asked = { completionNotes: "stuck", projectId: "alpha", status: "pending", taskId: before };
  const answer = { projectId: "alpha", taskId: before, attempt: null, worker: "agent" };
  await keptBefore("old notes", ["updateTaskStatus", asked, "test"], answer);
  for (const name of ["completionNotes", "notes"])
    expect(await giveBack(before, `${name}: "stuck", idempotencyKey: "old notes"`)).toEqual({
      updateTaskStatus: { replayed: true },
    });
});

it("refuses two names of one thing that say two things, and takes them where they say the same", async () => {
  const of = 'projectId: "alpha", artifactType: "SPIKE"';
  const status = 'projectId: "alpha", taskId: "TASK-001", status: PENDING';
  for (const [field, name, former] of [
    [`takeId(input: {${of}, `, "branchName", "branch"],
    [`reserveIds(input: {${of}, `, "branchName", "branch"],
    [`updateTaskStatus(input: {${status}, `, "notes", "completionNotes"],
  ]) {
    const refused = await server.gql(`mutation { ${field}${name}: "this", ${former}: "that"}) { replayed } }`);
    expect(refused.errors).toMatchObject([
      { message: expect.stringContaining(`Send ${name} alone.`), extensions: { code: "BAD_USER_INPUT" } },
    ]);
  }
  for (const verb of ["takeId", "reserveIds"])
    await server.ask(`mutation { ${verb}(input: {${of}, branchName: "main", branch: "main"}) { replayed } }`);
});

it("keeps why a task is given back as the attempt's notes, also under their former name completionNotes", async () => {
  const { addTasks } = await server.ask<{ addTasks: { taskIds: string[] } }>(
    'mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "work"}]}) { taskIds } }',
  );
  const change = (more: string) =>
    `mutation { updateTaskStatus(input: {projectId: "alpha", taskId: "${addTasks.taskIds[0]}", ${more}}) {
      attempt task { completionNotes attempts { notes } }
    } }`;
  const notes: string[] = [];
  for (const name of ["notes", "completionNotes"]) {
    const taken = await server.ask<{ updateTaskStatus: { attempt: string } }>(change("status: IN_PROGRESS"));
    const { attempt } = taken.updateTaskStatus;
    const refused = await server.gql(change(`status: COMPLETED, attempt: "${attempt}", notes: "done"`));
    expect(refused.errors).toMatchObject([{ message: expect.stringContaining("send completionNotes") }]);
    notes.push(`by ${name}`);
    expect(await server.ask(change(`status: PENDING, attempt: "${attempt}", ${name}: "by ${name}"`))).toEqual({
      updateTaskStatus: {
        attempt: null,
        task: { completionNotes: null, attempts: notes.map((said) => ({ notes: said })) },
      },
    });
  }
});

it("tells the branch of IDs that were reserved, given, or came back by both its names", async () => {
  const owner = await connectOwner(server.test);
  const of = 'projectId: "alpha", artifactType: "SPEC"';
  await server.ask(`mutation {
    reserveIds(input: {${of}, branchName: "main", ttlSeconds: 60}) { replayed }
    takeId(input: {${of}, branch: "main"}) { replayed }
  }`);
  await owner.pass(61);
  await server.ask(`mutation { takeId(input: {${of}}) { replayed } }`);
  const { events } = await server.ask<{ events: { events: { type: string; payload: Record<string, unknown> }[] } }>(
    '{ events(filter: {types: ["ids.reserved", "ids.assigned", "ids.expired"]}, first: 100) { events { type payload } } }',
  );
  const told = events.events.filter(({ payload }) => payload["artifactType"] === "SPEC");
  expect(told.map(({ type, payload }) => [type, payload["branchName"], payload["branch"]])).toEqual([
    ["ids.reserved", "main", "main"],
    ["ids.assigned", "main", "main"],
    ["ids.expired", "main", "main"],
    ["ids.assigned", null, null],
  ]);
});
