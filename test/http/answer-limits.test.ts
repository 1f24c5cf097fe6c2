import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { LARGEST_ANSWER_BYTES } from "../../src/db/too-much.ts";
import { nextOf, subscribe } from "../support/event-stream.ts";
import { connectOwner } from "../support/owner.ts";
import { type GraphQLAnswer, shareServer, startTestServer } from "../support/server.ts";
import { connectSocket, openSocket } from "../support/socket.ts";

const TOO_LARGE = {
  message: expect.stringMatching(/^The answer would be larger than 16 MB. Lower first, leave out long texts /),
  extensions: { code: "QUERY_TOO_COMPLEX", retryable: false },
};

/** With a hundred tasks with notes of 100,000 characters each: a page of them is 10 MB. */
const shared = shareServer();
beforeAll(async () => {
  await shared.server.ask('mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }');
  await shared.owner.query(
    `INSERT INTO tasks (project_id, task_id, description, context_notes)
     SELECT 'alpha', artifact_id('TASK', n), 'large', repeat($1, 1000) FROM generate_series(1, 100) n`,
    [randomBytes(50).toString("hex")],
  );
});

const page = (alias: string, size: number, fields = "contextNotes") =>
  `${alias}: tasks(filter: {projects: ["alpha"]}, first: ${size}) { nodes { ${fields} } }`;
const pages = (count: number, size: number) =>
  `{ ${Array.from({ length: count }, (_, i) => page(`p${i}`, size)).join(" ")} }`;

const errorsOf = ({ errors = [] }: GraphQLAnswer<unknown>) => errors;

it("gives an answer of up to 16 MB, and says of a larger one what to lower", async () => {
  const { gql, ask } = shared.server;
  // 15 MB, and 17.
  const { p0, p2 } = await ask<Record<string, { nodes: unknown[] }>>(pages(3, 50));
  expect([p0?.nodes.length, p2?.nodes.length]).toEqual([50, 50]);
  const errors = errorsOf(await gql(`{ ${page("few", 3)} ${pages(17, 10).slice(1)}`));
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors)
    expect(error).toMatchObject({
      message: expect.stringMatching(/ This operation costs 173, and most of it is p0\(first: 10\)\.$/),
      extensions: { ...TOO_LARGE.extensions, cost: 173, most: "p0(first: 10)", limitBytes: LARGEST_ANSWER_BYTES },
    });
  for (const error of errorsOf(await gql(pages(48, 100)))) expect(error).toMatchObject(TOO_LARGE);
  // Whoever asks next is not to suffer for it.
  await ask(pages(1, 100));
});

it("refuses an answer that shows one text many times, although little was read for it", async () => {
  const { gql, ask } = shared.server;
  const copies = (count: number) => Array.from({ length: count }, (_, i) => `c${i}: contextNotes`).join(" ");
  await ask(`{ ${page("p", 10, copies(15))} }`);
  const priced = { ...TOO_LARGE, extensions: { ...TOO_LARGE.extensions, cost: 10, most: "p(first: 10)" } };
  expect(await gql(`{ ${page("p", 10, copies(17))} }`)).toMatchObject({ data: null, errors: [priced] });
});

it("counts a text as the JSON it becomes, with its escapes", async () => {
  const { gql, ask } = shared.server;
  // Six bytes of JSON each.
  const task = { description: "escapes", contextNotes: "\u0001".repeat(100_000) };
  await ask(
    'mutation ($tasks: [AddTaskItem!]!) { addTasks(input: {projectId: "escaped", createProject: true, tasks: $tasks}) { replayed } }',
    { tasks: [task] },
  );
  const copies = (count: number) => {
    const fields = Array.from({ length: count }, (_, i) => `c${i}: contextNotes`);
    return `{ task(projectId: "escaped", taskId: "TASK-001") { ${fields.join(" ")} } }`;
  };
  await ask(copies(27));
  expect(await gql(copies(28))).toMatchObject({ data: null, errors: [TOO_LARGE] });
});

it("reads nothing of the long texts that nobody asks for", async () => {
  const { ask, gql } = shared.server;
  const long = "x".repeat(100_000);
  for (const count of [8, 7])
    await ask(
      'mutation ($tasks: [AddTaskItem!]!) { addTasks(input: {projectId: "long", createProject: true, tasks: $tasks}) { replayed } }',
      { tasks: Array.from({ length: count }, () => ({ description: long })) },
    );
  await shared.owner.query(
    `INSERT INTO task_attempts (project_id, task_id, attempt, actor, claimed_at, lease_expires_at, ended_at, outcome, notes, checkpoint)
     SELECT 'long', 'TASK-001', n, 'test', now(), now(), now(), 'expired', $1, to_jsonb($1::text) FROM generate_series(1, 10) n`,
    [long],
  );
  const filter = '(filter: {projects: ["long"]}, first: 15)';
  const times = (count: number, fields: string) =>
    `{ ${Array.from({ length: count }, (_, i) => `a${i}: ${fields}`).join(" ")} }`;
  const one = 'task(projectId: "long", taskId: "TASK-001")';
  const briefly = [
    `tasks${filter} { nodes { taskId status project { name } } }`,
    'project(projectId: "long") { tasks(first: 100) { nodes { taskId } } }',
    `${one} { taskId attempts { number worker } }`,
    `events${filter} { events { type number task { status } } }`,
    `tasks${filter} { nodes { history(first: 5) { events { type } } } }`,
  ];
  // Whole, each of these would be 18 MB or more.
  for (const fields of briefly) await ask(times(12, fields));
  for (const fields of ["tasks", "events"].map((list) => briefly.find((one) => one.startsWith(list)) ?? ""))
    expect(
      errorsOf(
        await gql(times(12, fields.replace("status project", "description project").replace("type", "payload"))),
      )[0],
    ).toMatchObject(TOO_LARGE);

  // Asked for at any depth, by any name, they are there.
  const { page } = await ask<{ page: { nodes: { project: { tasks: { nodes: object[] } } }[] } }>(
    `{ page: tasks${filter} { nodes { ...More } } }
     fragment More on Task { project { tasks(first: 1) { nodes { ... on Task { what: description } } } } }`,
  );
  expect(page.nodes[0]?.project.tasks.nodes).toEqual([{ what: long }]);
  const { task } = await ask<{ task: { attempts: object[]; history: { events: object[] } } }>(
    `{ ${one} { attempts(first: 1) { checkpoint notes } history(first: 1) { events { payload worker changes { field } } } } }`,
  );
  expect(task.attempts).toEqual([{ checkpoint: long, notes: long }]);
  expect(task.history.events).toMatchObject([{ payload: { task: { description: long } }, worker: null, changes: [] }]);
});

const KEPT = expect.stringContaining(
  ". The changes that it made before are kept: look before you repeat it. Lower first",
);

it("says of a mutation whose answer is too large, when it is read or shown, that the change is kept", async () => {
  const { gql, ask } = shared.server;
  const update = (fields: string) =>
    gql(
      `mutation { updateTask(input: {projectId: "alpha", taskId: "TASK-001", title: "changed"}) { task { ${fields} } } }`,
    );
  const copies = Array.from({ length: 170 }, (_, i) => `c${i}: contextNotes`).join(" ");
  const shown = await update(copies);
  const pages = Array.from({ length: 2 }, (_, i) => `p${i}: tasks(first: 100) { nodes { contextNotes } }`).join(" ");
  const read = await update(`project { ${pages} }`);
  for (const { errors } of [shown, read])
    expect(errors?.[0]).toMatchObject({ message: KEPT, extensions: { code: "QUERY_TOO_COMPLEX" } });
  expect(await ask('{ task(projectId: "alpha", taskId: "TASK-001") { title } }')).toEqual({
    task: { title: "changed" },
  });
});

it("holds the same over a WebSocket, whose other operations go on", async () => {
  const { wsUrl, agentKey } = shared.server;
  const socket = await openSocket(wsUrl);
  socket.send({ type: "connection_init", payload: { apiKey: agentKey } });
  expect(await socket.next()).toMatchObject({ type: "connection_ack" });
  const ask = async (id: string, query: string) => {
    socket.send({ id, type: "subscribe", payload: { query } });
    const answer = await socket.next();
    expect(await socket.next()).toMatchObject({ id, type: "complete" });
    return answer.payload as GraphQLAnswer<unknown>;
  };
  for (const error of errorsOf(await ask("1", pages(17, 10)))) expect(error).toMatchObject(TOO_LARGE);
  expect(errorsOf(await ask("2", pages(3, 50)))).toEqual([]);
});

it("counts each frame of a subscription for itself", async () => {
  const { url, ask, agentKey } = shared.server;
  const { logCursor } = await ask<{ logCursor: string }>("{ logCursor }");
  await shared.owner.query(
    `INSERT INTO event_inbox (event_id, event_type, project_id, subject_type, subject_id, actor, correlation_id, payload)
     SELECT gen_random_uuid(), 'task.updated', 'alpha', 'task', 'TASK-001', 'test', 'test',
       jsonb_build_object('text', repeat('x', 200000)) FROM generate_series(1, 90)`,
  );
  const { events } = await subscribe(url, `subscription { taskEvents(after: "${logCursor}") { events { payload } } }`, {
    key: agentKey,
  });
  // More than fits into a frame: the stream falls behind, and reads them from the log.
  for (let bytes = 0; bytes <= LARGEST_ANSWER_BYTES; ) {
    const { data } = await nextOf(events);
    expect(errorsOf(JSON.parse(data) as GraphQLAnswer<unknown>)).toEqual([]);
    bytes += data.length;
  }
});

describe("a frame of a subscription", () => {
  const wide = (sizes: readonly number[]) => {
    const lists = sizes.map((size) => `p${size}: tasks(first: ${size}) { nodes { contextNotes } }`);
    return `subscription { projectStatus(projects: ["alpha"]) { projects { ${lists.join(" ")} } } }`;
  };

  it("reads 16 MB at most, and beyond that it fails alone", async () => {
    const { wsUrl, agentKey } = shared.server;
    const socket = await connectSocket(wsUrl, { apiKey: agentKey });
    const subscribeTo = (id: string, query: string) => socket.send({ type: "subscribe", id, payload: { query } });
    // They may read together: 10 MB for each page of a hundred, and none of them the same, which one would have from another.
    subscribeTo("wide", wide([100, 98]));
    subscribeTo("beside", wide([99]));
    const frames = [await socket.next(), await socket.next(), await socket.next()];
    const of = (name: string) => frames.filter(({ id }) => id === name);
    expect(of("wide")).toMatchObject([
      { type: "next", payload: { data: { projectStatus: null }, errors: [TOO_LARGE] } },
      { type: "complete" },
    ]);
    expect(of("beside")).toMatchObject([
      { type: "next", payload: { data: { projectStatus: { projects: [{ p99: {} }] } } } },
    ]);
    subscribeTo("one", wide([100]));
    expect(await socket.next()).toMatchObject({ id: "one", payload: { data: { projectStatus: { projects: [{}] } } } });
  });

  it("holds no more of what its events are about", async () => {
    const { owner } = shared;
    const { wsUrl, agentKey, ask } = shared.server;
    const socket = await connectSocket(wsUrl, { apiKey: agentKey, clientId: "events" });
    await ask('mutation { createProject(input: {projectId: "beta", name: "Beta"}) { replayed } }');
    await owner.query(
      `INSERT INTO tasks (project_id, task_id, description, context_notes)
       SELECT 'beta', task_id, description, context_notes FROM tasks WHERE project_id = 'alpha'`,
    );
    const happen = (projects: readonly string[]) =>
      owner.query(
        `INSERT INTO event_inbox (event_id, event_type, project_id, subject_type, subject_id, actor, correlation_id, payload)
         SELECT gen_random_uuid(), 'task.updated', project_id, 'task', task_id, 'test', 'test', '{}'
         FROM tasks WHERE project_id = ANY ($1)`,
        [projects],
      );
    const events = async (id: string, projects: readonly string[], fields = "contextNotes", most = 1_000) => {
      const { logCursor } = await ask<{ logCursor: string }>("{ logCursor }");
      await happen(projects);
      const query = `subscription { taskEvents(after: "${logCursor}", most: ${most}) { events { task { ${fields} } } } }`;
      socket.send({ type: "subscribe", id, payload: { query } });
      for (let frame = await socket.next(); ; frame = await socket.next()) {
        const { data, errors } = frame.payload as GraphQLAnswer<{ taskEvents: { events: unknown[] } | null }>;
        if (errors || data.taskEvents?.events.length) return { events: data.taskEvents?.events.length, errors };
      }
    };
    expect(await events("1", ["alpha"])).toEqual({ events: 100, errors: undefined });
    socket.send({ type: "complete", id: "1" });
    // What happened is told all the same, and the stream goes on.
    const { events: told, errors } = await events("2", ["alpha", "beta"]);
    expect(told).toBe(200);
    expect(errors?.slice(0, 1)).toMatchObject([TOO_LARGE]);
    expect(errors?.[0]?.message).toContain("lower most, which is the events of a frame");
    socket.send({ type: "complete", id: "2" });
    expect(await events("fewer", ["alpha", "beta"], undefined, 100)).toEqual({ events: 100 });
    socket.send({ type: "complete", id: "fewer" });
    // A hundred of these cost 10,100 of the 20,000 that an operation may.
    expect(await events("3", ["alpha", "beta"], "attempts(first: 100) { number }")).toEqual({ events: 198 });
  });
});

it("always tells a claim of its earlier attempts, of those that fit", async () => {
  const { owner } = shared;
  const { ask } = shared.server;
  await ask(
    'mutation { addTasks(input: {projectId: "tried", createProject: true, tasks: [{description: "again"}]}) { replayed } }',
  );
  // Together they would be larger than any answer.
  await owner.query(
    `INSERT INTO task_attempts (project_id, task_id, attempt, actor, claimed_at, lease_expires_at, ended_at, outcome, notes)
     SELECT 'tried', 'TASK-001', n, 'test', now(), now(), now(), 'expired', repeat('\u{1F600}', 100000)
     FROM generate_series(1, 60) n`,
  );
  await owner.query("UPDATE tasks SET attempts = 60 WHERE project_id = 'tried'");
  const { claimNextTask } = await ask<{ claimNextTask: { briefing: { attempts: { number: number }[] } } }>(
    'mutation { claimNextTask(input: {projectId: "tried"}) { briefing { attempts { number notes checkpoint } } } }',
  );
  expect(claimNextTask.briefing.attempts.map(({ number }) => number)).toEqual([56, 57, 58, 59, 60]);
});

it("ends a request that kept the database busy for too long, and lets the next one begin", async () => {
  const { gql, ask, test } = await startTestServer({ env: { DOCKET_REQUEST_SECONDS: "1" } });
  const tasks = Array.from({ length: 10 }, () => '{description: "small"}').join();
  await ask(`mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [${tasks}]}) { taskIds } }`);
  const owner = await connectOwner(test);
  await owner.query(`
    ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
    CREATE POLICY slow ON tasks TO docket_app USING (task_id <> 'TASK-001' OR pg_sleep(0.7) IS NOT NULL)`);
  const fields = Array.from({ length: 12 }, (_, i) => page(`p${i}`, 1, "taskId"));
  const errors = errorsOf(await gql(`{ ${fields.join(" ")} }`));
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors)
    expect(error).toMatchObject({
      message: expect.stringMatching(/^This request has kept the database busy for 1 seconds, .* Lower first/),
      extensions: {
        code: "QUERY_TOO_COMPLEX",
        retryable: false,
        cost: 12,
        most: "p0(first: 1)",
        limitSeconds: 1,
      },
    });
  const pages = Array.from({ length: 9 }, (_, i) => `p${i}: tasks(first: ${i + 1}) { nodes { taskId } }`).join(" ");
  const written = await gql(`mutation { updateTask(input: {projectId: "alpha", taskId: "TASK-002", title: "changed"}) {
    task { project { ${pages} } } } }`);
  expect(written.errors?.[0]).toMatchObject({ message: KEPT, extensions: { code: "QUERY_TOO_COMPLEX" } });
  await ask("{ projects { nodes { projectId } } }");
});
