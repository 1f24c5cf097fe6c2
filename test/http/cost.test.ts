import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nextOf, subscribe } from "../support/event-stream.ts";
import { type GraphQLAnswer, startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";
import { costOf, TELL } from "./cost-of.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true, env: { DOCKET_JOBS: "none" } });
  const tasks = Array.from({ length: 100 }, (_, i) => ({ description: `work ${i}` }));
  for (const projectId of ["alpha", "beta"])
    await server.ask("mutation ($input: AddTasksInput!) { addTasks(input: $input) { tasksAdded } }", {
      input: { projectId, createProject: true, tasks },
    });
});
afterAll(() => server.close());

/** 127 bytes that would read a million tasks. */
const HOSTILE = `{ tasks(first:100){nodes{project{tasks(first:100){nodes{project{tasks(first:100){nodes{taskId}}}}}}}} }`;
const REFUSED = {
  message: expect.stringMatching(
    /costs 1010100: .* at most 20000 .* tasks\(first: 100\)\.nodes\.project\.tasks\(first: 100\)\.nodes\.project\.tasks\(first: 100\): lower a page size there/,
  ),
  extensions: {
    code: "QUERY_TOO_COMPLEX",
    retryable: false,
    cost: 1_010_100,
    most: expect.stringMatching(/^tasks\(first: 100\)\.nodes/),
    limit: 20_000,
  },
};

describe("what an operation costs", () => {
  it.each([
    ["nothing without a list", "{ viewer { name } }", {}, 0],
    [
      "a page, whatever is selected of it",
      "{ tasks(first: 7) { totalCount nodes { taskId } edges { cursor } } }",
      {},
      7,
    ],
    ["fifty where no size is given", "{ tasks { nodes { taskId } } }", {}, 50],
    ["the default of the argument", "{ events { events { type changes { field } } } }", {}, 50],
    ["what a text is looked for in", '{ tasks(first: 5, filter: {text: "work 7"}) { totalCount } }', {}, 205],
    [
      "each condition on attempts, however deep, and by a variable",
      "query ($f: TaskFilter) { tasks(first: 5, filter: $f) { totalCount } }",
      { f: { or: [{ attempts: {} }, { not: { and: { attempts: { worker: { eq: "x" } }, text: "y" } } }] } },
      605,
    ],
    [
      "the attempts that failed",
      "{ taskCounts(by: [], filter: {failedAttempts: {gt: 0}, text: null}) { count } }",
      {},
      2000,
    ],
    [
      "conditions as often as there are rows around them",
      '{ projects(first: 3) { nodes { tasks(first: 2, filter: {text: "x"}) { totalCount } } } }',
      {},
      3 + 3 * 202,
    ],
    ["a page backwards", "{ tasks(last: 9) { nodes { taskId } } }", {}, 9],
    ["page sizes multiplied along the path", "{ tasks(first: 5) { nodes { attempts(first: 3) { worker } } } }", {}, 20],
    [
      "each list of a row",
      "{ projects(first: 2) { nodes { tasks(first: 3) { nodes { taskId } } idRegistry { artifactType } taskCounts { count } } } }",
      {},
      2 + 6 + 100,
    ],
    ["a history like its events", "{ tasks(first: 2) { nodes { history(first: 10) { events { type } } } } }", {}, 22],
    ["each alias", "{ a: tasks(first: 5) { totalCount } b: tasks(first: 6) { totalCount } }", {}, 11],
    ["a variable with its value", "query ($n: Int) { tasks(first: $n) { nodes { taskId } } }", { n: 8 }, 8],
    ["a variable with its default", "query ($n: Int = 4) { tasks(first: $n) { nodes { taskId } } }", {}, 4],
    [
      "the default of a variable that is null",
      "query ($n: Int) { tasks(first: $n) { nodes { taskId } } }",
      { n: null },
      50,
    ],
    [
      "fragments where they are spread",
      '{ tasks(first: 2) { nodes { ...F } } task(projectId: "alpha", taskId: "TASK-001") { ...F } } fragment F on Task { attempts(first: 10) { worker } }',
      {},
      2 + 20 + 10,
    ],
    [
      "a field once that is selected twice",
      "{ tasks(first: 5) { nodes { taskId } } ... { tasks(first: 5) { nodes { title } } } }",
      {},
      5,
    ],
    [
      "nothing that is skipped",
      "query ($yes: Boolean! = true) { tasks(first: 5) @skip(if: $yes) { totalCount } ... @include(if: false) { projects { totalCount } } }",
      {},
      0,
    ],
    [
      "what a node may turn out to be",
      "query ($id: ID!) { node(id: $id) { ... on Project { tasks(first: 3) { totalCount } } ... on Task { attempts(first: 4) { worker } } } }",
      { id: Buffer.from("Task:alpha/TASK-001").toString("base64") },
      7,
    ],
    [
      "what a mutation answers for one",
      'mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "x"}]}) { tasks { attempts(first: 1) { worker } } } }',
      {},
      2,
    ],
    [
      "a mutation answers for each of what it is given",
      "mutation ($input: AddTasksInput!) { addTasks(input: $input) { tasks { attempts(first: 1) { worker } } keys { key } } }",
      {
        input: {
          projectId: "alpha",
          tasks: Array.from({ length: 100 }, (_, n) => ({ key: `k${n}`, description: "x" })),
        },
      },
      300,
    ],
  ])("is %s", async (_what, document, variables, cost) => {
    expect(await costOf(server, document, variables)).toBe(cost);
  });

  it("is told only to who asks", async () => {
    expect(await server.gql("{ tasks { totalCount } }")).not.toHaveProperty("extensions");
  });

  it("is told in each frame of a subscription", async () => {
    const socket = await connectSocket(server.wsUrl, { apiKey: server.agentKey }, TELL);
    socket.send({ type: "subscribe", id: "1", payload: { query: "subscription { taskEvents { events { type } } }" } });
    expect(await socket.next()).toMatchObject({ type: "next", payload: { extensions: { cost: 100 } } });
    socket.send({ type: "subscribe", id: "2", payload: { query: "{ tasks(first: 3) { nodes { taskId } } }" } });
    expect(await socket.next()).toMatchObject({ id: "2", payload: { extensions: { cost: 3 } } });
  });
});

describe("an operation that costs too much", () => {
  const full =
    "a: tasks(first: 100) { nodes { attempts(first: 100) { worker } } } b: tasks(first: 99) { nodes { attempts(first: 99) { worker } } }";

  it("begins at one node more than 20,000", async () => {
    expect(await costOf(server, `{ ${full} }`)).toBe(20_000);
    const { data, errors } = await server.gql(`{ ${full} c: tasks(first: 1) { totalCount } }`);
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code: "QUERY_TOO_COMPLEX", cost: 20_001, limit: 20_000 } }]);
  });

  it("begins at one value more than 400,000, whatever the fields are", async () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `n${i}: __typename`).join(" ");
    const wide = (more: number) =>
      `{ tasks(first: 100) { nodes { project { tasks(first: 100) { nodes { ${names(37)} } } } } }
        other: tasks(first: 95) { nodes { ${names(99)} } } ${names(more)} }`;
    expect(await costOf(server, wide(3))).toBe(10_195);
    const { data, errors } = await server.gql(wide(4));
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/costs 400001: .* values.* at most 400000 .* Most of it is tasks\(first: 100\)/),
        extensions: { code: "QUERY_TOO_COMPLEX", cost: 400_001, limit: 400_000 },
      },
    ]);
  });

  it("is refused over HTTP by its status, over server-sent events and over a WebSocket, without being executed", async () => {
    const response = await fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${server.agentKey}`,
        "content-type": "application/json",
        accept: "application/graphql-response+json",
      },
      body: JSON.stringify({ query: HOSTILE }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [REFUSED] });

    const stream = await subscribe(server.url, HOSTILE, { key: server.agentKey });
    expect(stream.response.status).toBe(400);
    expect(await stream.response.json()).toMatchObject({ errors: [REFUSED] });

    const socket = await connectSocket(server.wsUrl, { apiKey: server.agentKey });
    socket.send({ type: "subscribe", id: "1", payload: { query: HOSTILE } });
    const answer = await socket.next();
    expect(answer).toMatchObject({ id: "1", payload: { errors: [REFUSED] } });
    expect(JSON.stringify(answer)).not.toContain('"http"');
  });

  it("is refused as a subscription too, by what a frame of it costs", async () => {
    const query = `subscription ($n: Int) { projectStatus { projects { tasks(first: $n) { nodes { attempts(first: 4) { worker } } } } } }`;
    const socket = await connectSocket(server.wsUrl, { apiKey: server.agentKey });
    socket.send({ type: "subscribe", id: "1", payload: { query, variables: { n: 40 } } });
    expect(await socket.next()).toMatchObject({
      id: "1",
      payload: { errors: [{ extensions: { code: "QUERY_TOO_COMPLEX", cost: 20_100 } }] },
    });
    expect(await socket.next()).toEqual({ id: "1", type: "complete" });
    socket.send({ type: "subscribe", id: "2", payload: { query, variables: { n: 39 } } });
    expect(await socket.next()).toMatchObject({ id: "2", type: "next", payload: { data: { projectStatus: {} } } });
  });

  it("is refused by the events of a frame, and no frame brings more projects than are counted", async () => {
    const key = server.agentKey;
    const events = (first: number) =>
      subscribe(
        server.url,
        `subscription { taskEvents { events { task { a: attempts(first: 100) { worker } b: attempts(first: ${first}) { worker } } } } }`,
        {
          key,
        },
      );
    expect(await (await events(100)).response.json()).toMatchObject({
      errors: [{ extensions: { code: "QUERY_TOO_COMPLEX", cost: 20_100 } }],
    });
    expect(JSON.parse((await nextOf((await events(99)).events)).data).errors).toBeUndefined();

    const names = Array.from({ length: 103 }, (_, i) => `many-${100 + i}`);
    await server.ask(
      `mutation { ${names.map((name, i) => `p${i}: createProject(input: {projectId: "${name}", name: "P"}) { replayed }`).join(" ")} }`,
    );
    // What the log tells of them later would be a change.
    await server.log.cursor();
    const query = `subscription { projectStatus(projects: ${JSON.stringify(names)}) { projects { projectId } } }`;
    const { events: frames } = await subscribe(server.url, query, { key });
    const bites = [await nextOf(frames), await nextOf(frames)].map(({ data }) =>
      JSON.parse(data).data.projectStatus.projects.map(({ projectId }: { projectId: string }) => projectId),
    );
    expect(bites.map(({ length }) => length)).toEqual([100, 3]);
    expect(bites.flat()).toEqual(names);
  });

  it("costs the server nothing when a hundred come at once", async () => {
    let taken = 0;
    const count = () => void taken++;
    server.database.pool.on("acquire", count);
    const answers = await Promise.all(Array.from({ length: 100 }, () => server.gql(HOSTILE)));
    server.database.pool.off("acquire", count);
    for (const { data, errors } of answers) {
      expect(data).toBeUndefined();
      expect(errors).toMatchObject([REFUSED]);
    }
    // Who asks is looked up once for each at most, and what runs beside requests asks now and then.
    expect(taken).toBeLessThanOrEqual(150);
  });

  it("is answered when its pages are smaller, a hundred at once", async () => {
    const document = HOSTILE.replaceAll("first:100", "first:10");
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => server.gql<{ tasks: { nodes: unknown[] } }>(document)),
    );
    for (const { data, errors } of answers as GraphQLAnswer<{ tasks: { nodes: unknown[] } }>[]) {
      expect(errors).toBeUndefined();
      expect(data.tasks.nodes).toHaveLength(10);
    }
  });
});

it("refuses more conditions that look through attempts and texts than others could wait for", async () => {
  const or = Array.from({ length: 200 }, (_, i) => ({ text: `work${i}`, attempts: { worker: { eq: `w${i}` } } }));
  const query = "query ($or: [TaskFilter!]) { tasks(filter: {or: $or}) { nodes { taskId } } }";
  const { errors } = await server.gql(query, { or });
  expect(errors?.[0]).toMatchObject({
    message: expect.stringMatching(
      /costs 80050.*tasks \(by text and attempts: 80000\): give fewer of these conditions there/,
    ),
    extensions: { code: "QUERY_TOO_COMPLEX", cost: 80_050, limit: 20_000 },
  });
  expect((await server.gql(query, { or: or.slice(0, 20) })).errors).toBeUndefined();
});
