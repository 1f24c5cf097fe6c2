import { getNamedType, isInputObjectType, isNonNullType } from "graphql";
import { expect, it } from "vitest";
import { schema } from "../../schema/index.ts";
import { connectOwner } from "../support/owner.ts";
import {
  type GraphQLAnswer,
  makeProject,
  shareServer,
  startTestServer,
  type TestProject,
  type TestServer,
} from "../support/server.ts";

const shared = shareServer();

const CLAIM = `mutation ($projectId: ID!, $worker: String, $leaseSeconds: Int) {
  claimNextTask(input: {projectId: $projectId, worker: $worker, leaseSeconds: $leaseSeconds}) { attempt task { taskId } }
}`;
const COMPLETE = `mutation ($input: UpdateTaskStatusInput!) {
  updateTaskStatus(input: $input) { attempt replayed task { projectId taskId status completionNotes } }
}`;
const TASK = { taskId: "TASK-001" };
const NONE = { client: null };

const addTasks = (server: TestServer, projectId: string, count: number) =>
  server.ask(`mutation ($input: AddTasksInput!) { addTasks(input: $input) { tasksAdded } }`, {
    input: { projectId, createProject: true, tasks: Array.from({ length: count }, () => ({ description: "work" })) },
  });

/** The attempt that a claim of the next task gives. */
async function claim(server: TestProject, variables: object, asking: object): Promise<string> {
  const { claimNextTask } = await server.ask<{ claimNextTask: { attempt: string } }>(
    CLAIM,
    { projectId: server.projectId, ...variables },
    asking,
  );
  return claimNextTask.attempt;
}

const complete = (server: TestProject, input: object, asking: object = NONE) =>
  server.gql<{ updateTaskStatus: { task: { completionNotes: string } } }>(
    COMPLETE,
    { input: { projectId: server.projectId, ...TASK, status: "COMPLETED", ...input } },
    asking,
  );

const codeOf = ({ errors }: GraphQLAnswer<unknown>) => errors?.[0]?.extensions["code"];

/** What the database holds of the task, to be the same after a refusal. */
async function stateOf({ projectId }: TestProject) {
  const { rows } = await shared.owner.query(
    "SELECT t.*, a.* FROM tasks t LEFT JOIN task_attempts a USING (project_id, task_id) WHERE t.project_id = $1",
    [projectId],
  );
  return rows;
}

it("refuses a stale worker that repeats its call with the number it read in the refusal", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const stale = await claim(server, { worker: "anna", leaseSeconds: 60 }, NONE);
  await shared.owner.pass(61);
  const held = await claim(server, { worker: "bert" }, NONE);
  const before = await stateOf(server);

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
  expect(await stateOf(server)).toEqual(before);

  const done = await complete(server, { attempt: held, completionNotes: "of bert" });
  expect(done.data.updateTaskStatus.task.completionNotes).toBe("of bert");
});

it("lets nobody in by guessing: of many secrets not one is the same, and none is said to be near", async () => {
  const server = await makeProject(shared.server, Array<string>(100).fill("work"));
  const held = new Set<string>();
  for (let i = 0; i < 100; i++) held.add((await claim(server, {}, NONE)).split("-")[1] ?? "");
  expect(held.size).toBe(100);
  for (const secret of held) expect(secret).toMatch(/^[0-9a-f]{12}$/);
  const guesses = Array.from({ length: 64 }, (_, i) => `1-${i.toString(16).padStart(12, "0")}`);
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

it("keeps the new notes when the holder completes again, and tells of them", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const attempt = await claim(server, {}, NONE);
  const notes = async (completionNotes: string | undefined) =>
    (await complete(server, { attempt, completionNotes })).data.updateTaskStatus.task.completionNotes;
  expect(await notes("first")).toBe("first");
  expect(await notes("first")).toBe("first");
  expect(await notes(undefined)).toBe("first");
  expect(await notes("second")).toBe("second");
  const { task, events } = await server.ask<{
    task: unknown;
    events: { events: { type: string; payload: unknown }[] };
  }>(
    `{ task(taskId: "TASK-001") { version attempts { number notes outcome } }
       events(filter: {projects: ["${server.projectId}"], tasks: ["TASK-001"]}) { events { type payload } } }`,
  );
  expect(task).toEqual({ version: 4, attempts: [{ number: 1, notes: "second", outcome: "COMPLETED" }] });
  const last = events.events.slice(2);
  expect(last.map(({ type }) => type)).toEqual(["task.completed", "task.updated"]);
  expect(last[1]?.payload).toEqual({ attempt: 1, changes: { completionNotes: { old: "first", new: "second" } } });
  const stale = await complete(server, { attempt, completionNotes: "third", expectedVersion: 3 });
  expect(codeOf(stale)).toBe("VERSION_CONFLICT");
});

it("keeps other notes and another checkpoint of a task that is given back once more", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const attempt = await claim(server, {}, NONE);
  const release = (notes: string, step: number) =>
    server.ask("mutation ($input: ReleaseTaskInput!) { releaseTask(input: $input) { replayed } }", {
      input: { projectId: server.projectId, ...TASK, attempt, notes, checkpoint: { step } },
    });
  for (const [notes, step] of [
    ["stuck", 1],
    ["stuck", 1],
    ["no database", 2],
  ] as const)
    await release(notes, step);
  const { task } = await server.ask<{ task: { attempts: unknown; history: { events: { type: string }[] } } }>(
    '{ task(taskId: "TASK-001") { attempts { notes checkpoint } history { events { type } } } }',
  );
  expect(task.attempts).toEqual([{ notes: "no database", checkpoint: { step: 2 } }]);
  expect(task.history.events.map(({ type }) => type).slice(2)).toEqual([
    "task.released",
    "task.checkpointed",
    "task.updated",
  ]);
});

it("refuses to complete what somebody else completed, saying by whom, and answers nobody with another's words", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const attempt = await claim(server, { worker: "anna" }, { client: "anna" });
  await complete(server, { attempt, completionNotes: "anna's words" });
  const before = await stateOf(server);
  for (const [input, asking] of [
    [{ completionNotes: "mine" }, { client: "bert" }],
    [{}, { client: "bert" }],
    [{}, NONE],
    [{ attempt: "1-000000000000" }, NONE],
    [{}, { key: server.adminKey }],
  ] as const) {
    const refused = await complete(server, input, asking);
    expect(refused.errors?.[0]).toMatchObject({
      message: expect.stringMatching(/attempt 1 of anna ended at .* as completed\. Nothing of this call was kept/),
      extensions: { code: "LEASE_LOST" },
    });
    expect(JSON.stringify(refused)).not.toContain("anna's words");
  }
  expect(await stateOf(server)).toEqual(before);
});

it.each([
  ["completes", "status: COMPLETED"],
  ["gives back", "status: PENDING"],
  ["resets", "status: PENDING, reset: true"],
])(
  "refuses the holder of a task that an admin %s in its place, saying by whom, and repeats only the admin's",
  async (_, how) => {
    const server = await makeProject(shared.server, ["work"]);
    const attempt = await claim(server, { worker: "anna" }, { client: "anna" });
    const input = `projectId: "${server.projectId}", taskId: "TASK-001"`;
    const end = (more: string, asking: object) =>
      server.gql(
        `mutation { updateTaskStatus(input: {${input}, ${how}${more}}) { task { completionNotes } } }`,
        {},
        asking,
      );
    const asAdmin = { key: server.adminKey, client: "admin" };
    expect((await end(', completionNotes: "the admin\'s words"', asAdmin)).errors).toBeUndefined();
    const before = await stateOf(server);
    for (const [notes, asking] of [
      [`, attempt: "${attempt}"`, NONE],
      [`, attempt: "${attempt}", completionNotes: ""`, { client: "anna" }],
      [`, attempt: "${attempt}", completionNotes: "mine"`, { client: "anna" }],
      ["", { client: "anna" }],
      // Its capability is not the other admin's, either.
      [', completionNotes: "another admin"', { key: (await server.makeKey({ name: "other", role: "admin" })).secret }],
    ] as const) {
      const refused = await end(notes, asking);
      expect(refused.errors?.[0]).toMatchObject({
        message: expect.stringMatching(
          /attempt 1 of anna ended at .* as \w+, by the key \S+\. Nothing of this call was kept/,
        ),
        extensions: { code: "LEASE_LOST" },
      });
      expect(JSON.stringify(refused)).not.toContain("the admin's words");
    }
    expect(await stateOf(server)).toEqual(before);
    expect((await end("", asAdmin)).errors).toBeUndefined();
    expect(await stateOf(server)).toEqual(before);
  },
);

it("repeats an ending only for the key that was given the attempt and ended it, not for who had claimed", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const attempt = await claim(server, {}, { client: "claimer" });
  const helper = { key: (await server.makeKey({ name: "helper" })).secret, client: "helper" };
  const words = { attempt, completionNotes: "the helper's words" };
  expect((await complete(server, words, helper)).errors).toBeUndefined();
  const before = await stateOf(server);
  for (const input of [{}, { attempt }, { attempt, completionNotes: "mine" }]) {
    const refused = await complete(server, input, { client: "claimer" });
    expect(refused.errors?.[0]).toMatchObject({
      message: expect.stringMatching(/as completed, by the key \S+\. Nothing of this call was kept/),
      extensions: { code: "LEASE_LOST" },
    });
  }
  expect((await complete(server, words, helper)).data.updateTaskStatus.task.completionNotes).toBe("the helper's words");
  expect(await stateOf(server)).toEqual(before);
});

it("never acts without a project on one in which its caller does not hold the task, also on repeat", async () => {
  const server = await startTestServer();
  await addTasks(server, "home", 1);
  await addTasks(server, "other", 1);
  const take = (projectId: string, client: string) =>
    server.ask<{ claimNextTask: { attempt: string } }>(
      "mutation ($projectId: ID!) { claimNextTask(input: {projectId: $projectId}) { attempt } }",
      { projectId },
      { client },
    );
  const { claimNextTask } = await take("other", "mine");
  const done = (input: object, asking: object) =>
    server.gql<{ updateTaskStatus: { task: { projectId: string } } }>(
      COMPLETE,
      { input: { taskId: "TASK-001", status: "COMPLETED", ...input } },
      asking,
    );
  const mine = { client: "mine" };
  const { attempt } = claimNextTask;
  expect((await done({}, mine)).data.updateTaskStatus.task.projectId).toBe("other");
  await take("home", "twin");
  // Repeated by its session, and by its attempt from anywhere: it is the same task.
  expect((await done({}, mine)).data.updateTaskStatus.task.projectId).toBe("other");
  expect((await done({ attempt }, NONE)).data.updateTaskStatus.task.projectId).toBe("other");
  // Nobody else's task is meant by a caller that is not known, or by a wrong attempt, not even for an admin.
  for (const [input, asking] of [
    [{}, NONE],
    [{}, { client: "third" }],
    [{ attempt: "1" }, NONE],
    [{}, { key: server.adminKey }],
  ] as const)
    expect(codeOf(await done(input, asking))).toBe("AMBIGUOUS_TASK_ID");
  // What it completed it does not hold: only the repetition means it.
  for (const field of [
    'updateTaskStatus(input: {taskId: "TASK-001", status: PENDING, reset: true}) { replayed }',
    'deleteTask(input: {taskId: "TASK-001"}) { replayed }',
    'updateTask(input: {taskId: "TASK-001", title: "x"}) { replayed }',
  ])
    expect(codeOf(await server.gql(`mutation { ${field} }`, {}, mine)), field).toBe("AMBIGUOUS_TASK_ID");
  const { tasks } = await server.ask<{ tasks: unknown }>("{ tasks { nodes { projectId status title } } }");
  expect(tasks).toEqual({
    nodes: [
      { projectId: "home", status: "IN_PROGRESS", title: null },
      { projectId: "other", status: "COMPLETED", title: null },
    ],
  });

  // A session that holds one and has just completed the other may mean either: it is asked which.
  await addTasks(server, "third", 1);
  await take("third", "mine");
  expect(codeOf(await done({}, mine))).toBe("AMBIGUOUS_TASK_ID");
});

/** Every mutation that may be sent a task without its project, with what else it needs. */
const WITHOUT_PROJECT = Object.values(schema.getMutationType()?.getFields() ?? {}).flatMap(({ name, args }) => {
  const input = args[0] && getNamedType(args[0].type);
  if (!isInputObjectType(input)) return [];
  const { taskId, projectId, status } = input.getFields();
  if (!taskId || !projectId || isNonNullType(projectId.type)) return [];
  return [{ name, document: `mutation ($input: ${input.name}!) { ${name}(input: $input) { replayed } }`, status }];
});

it("does not act without a project on a task that the caller does not hold, also when its name is the only one", async () => {
  const server = await startTestServer();
  await addTasks(server, "home", 1);
  await addTasks(server, "other", 3);
  const held = { projectId: "other", taskId: "TASK-003", status: "IN_PROGRESS" };
  await server.ask(COMPLETE, { input: held }, { client: "holder" });
  const direct = await connectOwner(server.test);
  const state = async () =>
    (await direct.query("SELECT * FROM tasks LEFT JOIN task_attempts USING (project_id, task_id) ORDER BY task_id"))
      .rows;
  const before = await state();
  expect(WITHOUT_PROJECT.length).toBeGreaterThan(5);
  for (const { name, document, status } of WITHOUT_PROJECT)
    for (const taskId of ["TASK-002", "TASK-003"])
      for (const asking of [NONE, { client: "mine" }, { key: server.adminKey }])
        for (const given of status ? ["IN_PROGRESS", "COMPLETED", "PENDING"] : [undefined]) {
          const input = { taskId, ...(given && { status: given }) };
          const { errors } = await server.gql(document, { input }, asking);
          expect(errors?.[0], `${name} ${JSON.stringify({ input, asking })}`).toMatchObject({
            message: `Task ${taskId} of project other is not held by this caller. Say that it is meant with projectId, or pass attempt as the claim returned it.`,
            extensions: { code: "AMBIGUOUS_TASK_ID", projectIds: ["other"] },
          });
        }
  expect(await state()).toEqual(before);
  // A key that sees one project can mean no other.
  const { secret: key } = await server.makeKey({ projectIds: ["other"] });
  const update = 'mutation { updateTask(input: {taskId: "TASK-002", title: "x"}) { task { title } } }';
  expect(await server.ask(update, {}, { key })).toEqual({ updateTask: { task: { title: "x" } } });
});

it("names twenty projects to choose from, however many there are", async () => {
  const server = await startTestServer();
  for (let n = 1; n <= 21; n += 1) await addTasks(server, `p${n}`, 1);
  const { errors } = await server.gql('mutation { deleteTask(input: {taskId: "TASK-001"}) { replayed } }');
  expect(errors?.[0]?.message).toMatch(/several projects: p1, p10, .*, p8 and 1 more\. Say which/);
  expect(errors?.[0]?.extensions["projectIds"]).toHaveLength(20);
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
