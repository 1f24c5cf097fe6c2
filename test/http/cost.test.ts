import { getIntrospectionQuery } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nextOf, subscribe } from "../support/event-stream.ts";
import { type GraphQLAnswer, startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";

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

const TELL = { headers: { "docket-cost": "1" } };
const costOf = async (document: string, variables?: object) => {
  const answer = await server.gql<unknown>(document, variables, TELL);
  expect(answer.errors).toBeUndefined();
  return (answer as { extensions?: { cost: number } }).extensions?.cost;
};

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
      "what a mutation answers",
      'mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "x"}]}) { tasks { attempts(first: 1) { worker } } } }',
      {},
      200,
    ],
  ])("is %s", async (_what, document, variables, cost) => {
    expect(await costOf(document, variables)).toBe(cost);
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
    expect(await costOf(`{ ${full} }`)).toBe(20_000);
    const { data, errors } = await server.gql(`{ ${full} c: tasks(first: 1) { totalCount } }`);
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code: "QUERY_TOO_COMPLEX", cost: 20_001, limit: 20_000 } }]);
  });

  it("begins at one value more than 400,000, whatever the fields are", async () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `n${i}: __typename`).join(" ");
    const wide = (more: number) =>
      `{ tasks(first: 100) { nodes { project { tasks(first: 100) { nodes { ${names(37)} } } } } }
        other: tasks(first: 95) { nodes { ${names(99)} } } ${names(more)} }`;
    expect(await costOf(wide(3))).toBe(10_195);
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
    expect(taken).toBeLessThanOrEqual(120);
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

describe("questions about the schema", () => {
  const refused = (cost: unknown) => [
    { extensions: { code: "QUERY_TOO_COMPLEX", retryable: false, cost, limit: 20_000 } },
  ];
  const everything = {
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    experimentalDirectiveDeprecation: true,
    oneOf: true,
  };
  const whole = getIntrospectionQuery(everything);

  it.each([
    ["graphql-js asks it", getIntrospectionQuery()],
    ["GraphiQL and graphql-codegen ask it", whole],
    ["Apollo asks it", getIntrospectionQuery({ ...everything, descriptions: false, typeDepth: 7 })],
    ["Insomnia asks it, with types within types", getIntrospectionQuery({ typeDepth: 14 })],
  ])("are answered as %s, and cost half of what an operation may at most", async (_who, query) => {
    const cost = await costOf(query);
    expect(cost).toBeGreaterThan(5_000);
    expect(cost).toBeLessThanOrEqual(10_000);
  });

  it("may be no more than the whole schema twice in a request, over HTTP and a WebSocket", async () => {
    expect(await costOf(whole)).toBe(10_000);
    const more = whole.replace(
      /__schema \{.*?\n {6}\}/s,
      (once) => `${once} again: ${once} __type(name: "Int") { name }`,
    );
    const { data, errors } = await server.gql(more);
    expect(data).toBeUndefined();
    expect(errors).toMatchObject(refused(expect.any(Number)));
    expect(errors?.[0]?.message).toMatch(/Most of it is __schema: .*select less of it/);
    const socket = await connectSocket(server.wsUrl, { apiKey: server.agentKey });
    socket.send({ type: "subscribe", id: "1", payload: { query: more } });
    expect(await socket.next()).toMatchObject({
      id: "1",
      payload: { errors: refused(errors?.[0]?.extensions["cost"]) },
    });
  });

  it("cost what they answer, by its values or by its characters", async () => {
    const names = (count: number, field: string) =>
      Array.from({ length: count }, (_, i) => `n${i}: ${field}`).join(" ");
    const sizeOf = async (query: string) => JSON.stringify((await server.gql(query)).data).length;
    const standard = await sizeOf(whole);
    for (const query of [
      (count: number) => `{ __schema { types { ${names(count, "fields { n: name }")} } } }`,
      (count: number) => `{ __schema { mutationType { fields { ${names(count, "description")} } } } }`,
      (count: number) =>
        `{ ${names(count, '__type(name: "Task") { fields { description type { name ofType { name } } } }')} }`,
    ]) {
      // The most that passes, and one more.
      let count = 1;
      const costs = [];
      for (let step = 64; step >= 1; step /= 2) {
        const { errors } = await server.gql(query(count + step));
        if (errors) costs.push(errors);
        else count += step;
      }
      expect(count).toBeGreaterThan(1);
      expect(costs.at(-1)).toMatchObject(refused(expect.any(Number)));
      expect(await sizeOf(query(count))).toBeLessThan(2.1 * standard);
    }
  });

  it("cost little when they are small", async () => {
    const byName = "query ($name: String!) { __type(name: $name) { name fields { name } } }";
    const cost = await costOf('{ __type(name: "Task") { name fields { name } } }');
    expect(cost).toBeGreaterThan(10);
    expect(cost).toBeLessThan(200);
    expect(await costOf(byName, { name: "Task" })).toBe(cost);
    expect(await costOf(byName, { name: "Nothing" })).toBeLessThan(3);
    expect(await costOf("{ __typename }")).toBe(0);
  });
});

describe("a document that would take long to validate", () => {
  const pages = (count: number) => Array.from({ length: count }, () => "project { name }").join(" ");
  /** 250 fields are selected again: 124 projects and as many names, and two more. */
  const repeated = (more: string) =>
    `{ tasks(first: 1) { nodes { ...Of ${pages(124)} taskId taskId taskId ${more} } } } fragment Of on Task { project { name } }`;

  it("is refused when fields are selected too often where they are already, through fragments too", async () => {
    expect((await server.gql(repeated(""))).errors).toBeUndefined();
    expect((await server.gql(repeated("taskId"))).errors).toMatchObject([
      {
        message: expect.stringContaining("selects 251 fields again; at most 250"),
        extensions: { code: "QUERY_TOO_COMPLEX" },
      },
    ]);
    expect((await server.gql(repeated("...Of"))).errors).toMatchObject([
      { message: expect.stringContaining("selects 252 fields again") },
    ]);
  });

  it("does not keep the server busy with fragments that spread each other again and again, or without end", async () => {
    const fragments = Array.from({ length: 30 }, (_, i) => `fragment F${i} on Task { ...F${i + 1} ...F${i + 1} } `);
    for (const [last, fault] of [
      ["fragment F30 on Task { ...F0 ...F1 }", "Cannot spread fragment"],
      ["fragment F30 on Task { project { tasks { nodes { ...F0 } } } }", "selects 3221225474 fields; at most 5000"],
      ["fragment F30 on Task { ...Unknown }", "Unknown fragment"],
    ])
      expect(
        (await server.gql(`{ tasks { nodes { ...F0 } } } ${fragments.join("")} ${last}`)).errors?.[0]?.message,
      ).toMatch(`${fault}`);
  });
});
