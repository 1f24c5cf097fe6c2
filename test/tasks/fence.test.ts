import { expect, it } from "vitest";
import { makeProject, shareServer } from "../support/server.ts";
import { claim, codeOf, complete, NONE, stateOf } from "./holding-calls.ts";

const shared = shareServer();

it("refuses a stale worker that repeats its call with the number it read in the refusal", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const stale = await claim(server, { worker: "anna", leaseSeconds: 60 }, NONE);
  await shared.owner.pass(61);
  const held = await claim(server, { worker: "bert" }, NONE);
  const before = await stateOf(shared.owner, server);

  const refused = await complete(server, { attempt: stale, completionNotes: "of anna" });
  expect(refused.errors?.[0]).toMatchObject({
    message: expect.stringMatching(/attempt 1 has ended.*held by bert \(attempt 2\).*Nothing of this call was kept/),
    extensions: { code: "LEASE_LOST", holder: { attempt: 2, worker: "bert" } },
  });
  const secret = held.split("-")[1] ?? "";
  expect(JSON.stringify(refused)).not.toContain(secret);
  for (const attempt of [
    "2",
    2,
    `2-${stale.split("-")[1]}`,
    "2-",
    `02-${secret}`,
    `2-${secret}0`,
    secret,
    "",
    "3-000000000000",
  ])
    for (const asking of [NONE, { client: "anna" }])
      expect([attempt, codeOf(await complete(server, { attempt, completionNotes: "of anna" }, asking))]).toEqual([
        attempt,
        "LEASE_LOST",
      ]);
  expect(await stateOf(shared.owner, server)).toEqual(before);

  const done = await complete(server, { attempt: held, completionNotes: "of bert" });
  expect(done.data.updateTaskStatus.task.completionNotes).toBe("of bert");
});

it("lets nobody in by guessing: of many secrets not one is the same, and none is said to be near", async () => {
  const server = await makeProject(shared.server, Array<string>(30).fill("work"));
  const held = new Set<string>();
  for (let i = 0; i < 30; i++) held.add((await claim(server, {}, NONE)).split("-")[1] ?? "");
  expect(held.size).toBe(30);
  for (const secret of held) expect(secret).toMatch(/^[0-9a-f]{12}$/);
  const guesses = Array.from({ length: 16 }, (_, i) => `1-${i.toString(16).padStart(12, "0")}`);
  const messages = new Set<string>();
  for (const attempt of guesses) {
    const { errors } = await complete(server, { attempt });
    messages.add(errors?.[0]?.message ?? "none");
  }
  expect([...messages]).toEqual([expect.stringContaining("attempt 1 was not given to this caller")]);
});

it("knows nobody by the key alone: without a client id a write needs the attempt, whoever claimed", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const attempt = await claim(server, { worker: "anna" }, NONE);
  const write = (field: string) => server.gql(`mutation { ${field} }`, {}, NONE);
  for (const field of [
    'updateTaskStatus(input: {taskId: "TASK-001", status: COMPLETED}) { replayed }',
    'updateTaskStatus(input: {taskId: "TASK-001", status: IN_PROGRESS}) { attempt }',
    'completeAndClaimNext(input: {taskId: "TASK-001"}) { attempt }',
    'renewTaskLease(input: {taskId: "TASK-001"}) { attempt }',
    'releaseTask(input: {taskId: "TASK-001"}) { replayed }',
    'deleteTask(input: {taskId: "TASK-001"}) { replayed }',
  ]) {
    const { errors } = await write(field);
    expect(errors?.[0], field).toMatchObject({
      message: expect.stringContaining("Pass attempt as the claim returned it."),
      extensions: { code: "LEASE_LOST", attemptMissing: true },
    });
  }
  // One that claimed with a client id is not known by its absence either, nor by another's.
  const named = await complete(server, {}, { client: "anna" });
  expect(codeOf(named)).toBe("LEASE_LOST");
  expect((await complete(server, { attempt })).errors).toBeUndefined();
});

it("lets whoever has the attempt write, and the log names the key that wrote", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const attempt = await claim(server, { worker: "anna" }, { client: "anna" });
  const { secret: key } = await server.makeKey({ name: "helper" });
  expect((await complete(server, { attempt }, { key, client: "elsewhere" })).errors).toBeUndefined();
  const { events } = await server.ask<{ events: { events: { type: string; actor: string; payload: object }[] } }>(
    `{ events(filter: {projects: ["${server.projectId}"], types: ["task.completed"]}) { events { type actor payload } } }`,
  );
  expect(events.events).toMatchObject([{ actor: expect.stringMatching(/\/helper$/) }]);
  expect(events.events[0]?.payload).not.toHaveProperty("override");
});

it("says of each write of an admin in the holder's place that it overrode", async () => {
  const server = await makeProject(shared.server, Array<string>(4).fill("work"));
  const asAdmin = { key: server.adminKey };
  for (let i = 0; i < 4; i++) await claim(server, {}, { client: "holder" });
  const { renewTaskLease } = await server.ask<{ renewTaskLease: unknown }>(
    `mutation {
      renewTaskLease(input: {projectId: "${server.projectId}", taskId: "TASK-001", checkpoint: {step: 1}}) { attempt }
      a: updateTaskStatus(input: {projectId: "${server.projectId}", taskId: "TASK-001", status: COMPLETED}) { replayed }
      b: releaseTask(input: {projectId: "${server.projectId}", taskId: "TASK-002"}) { replayed }
      c: updateTaskStatus(input: {projectId: "${server.projectId}", taskId: "TASK-003", status: PENDING, reset: true}) { replayed }
      d: deleteTask(input: {projectId: "${server.projectId}", taskId: "TASK-004"}) { replayed }
    }`,
    {},
    asAdmin,
  );
  expect(renewTaskLease).toEqual({ attempt: null });
  const { events } = await server.ask<{ events: { events: { type: string; payload: { override?: boolean } }[] } }>(
    `{ events(filter: {projects: ["${server.projectId}"]}) { events { type payload } } }`,
  );
  const overridden = events.events.filter(({ payload }) => payload.override === true).map(({ type }) => type);
  expect(overridden.sort()).toEqual([
    "task.checkpointed",
    "task.completed",
    "task.deleted",
    "task.released",
    "task.reset",
  ]);
});

it("gives the same attempt again to who repeats a claim with its idempotency key, and stores no secret with it", async () => {
  const server = await makeProject(shared.server, Array<string>(3).fill("work"));
  const { projectId } = server;
  const documents = [
    `claimNextTask(input: {projectId: "${projectId}", idempotencyKey: "k1"}) { attempt replayed }`,
    `updateTaskStatus(input: {projectId: "${projectId}", taskId: "TASK-002", status: IN_PROGRESS, idempotencyKey: "k2"}) { attempt replayed }`,
    `completeAndClaimNext(input: {projectId: "${projectId}", taskId: "TASK-001", idempotencyKey: "k3"}) { attempt replayed }`,
    `renewTaskLease(input: {projectId: "${projectId}", taskId: "TASK-002", idempotencyKey: "k4"}) { attempt replayed }`,
    `addTasks(input: {projectId: "${projectId}", idempotencyKey: "k5", tasks: [{description: "a"}, {description: "b", status: IN_PROGRESS}]}) { attempts replayed }`,
  ];
  const secrets = async () =>
    (await shared.owner.query<{ secret: string }>("SELECT secret FROM task_attempts")).rows.map(({ secret }) => secret);
  for (const document of documents) {
    const ask = async () => {
      const data = await server.ask<Record<string, Record<string, unknown>>>(`mutation { ${document} }`);
      return Object.values(data)[0] ?? {};
    };
    const first = await ask();
    expect(first).toMatchObject({ replayed: false });
    expect(
      (await secrets()).some((secret) => JSON.stringify(first).includes(secret)),
      document,
    ).toBe(true);
    expect(await ask(), document).toEqual({ ...first, replayed: true });
    // Another session that counts its calls in the same way has not been given it.
    for (const client of ["another", null])
      expect(await server.gql(`mutation { ${document} }`, {}, { client }), document).toMatchObject({
        errors: [
          { extensions: { code: "IDEMPOTENCY_KEY_REUSED" }, message: expect.stringMatching(/or by another session/) },
        ],
      });
  }
  const { rows } = await shared.owner.query("SELECT result::text FROM idempotency_keys");
  const kept = JSON.stringify(rows);
  expect((await secrets()).filter((secret) => kept.includes(secret))).toEqual([]);
  const foreign = await server.ask(`mutation { ${documents[0]} }`, {}, { key: server.adminKey });
  expect(foreign).toMatchObject({ claimNextTask: { replayed: false } });
});

it("gives whoever adds a task in progress its attempt", async () => {
  const server = await makeProject(shared.server, []);
  const { addTasks: added } = await server.ask<{ addTasks: { attempts: (string | null)[] } }>(
    `mutation { addTasks(input: {projectId: "${server.projectId}", tasks: [
      {description: "a"}, {description: "b", status: IN_PROGRESS}, {description: "c", status: IN_PROGRESS}]}) { attempts } }`,
    {},
    NONE,
  );
  expect(added.attempts).toEqual([null, expect.stringMatching(/^1-/), expect.stringMatching(/^1-/)]);
  const done = await complete(server, { taskId: "TASK-003", attempt: added.attempts[2] });
  expect(done.errors).toBeUndefined();
  expect(codeOf(await complete(server, { taskId: "TASK-002", attempt: added.attempts[2] }))).toBe("LEASE_LOST");
});
