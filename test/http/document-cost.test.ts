import { getIntrospectionQuery } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";
import { costOf } from "./cost-of.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true, env: { DOCKET_JOBS: "none" } });
});
afterAll(() => server.close());

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
    const cost = await costOf(server, query);
    expect(cost).toBeGreaterThan(5_000);
    expect(cost).toBeLessThanOrEqual(10_000);
  });

  it("may be no more than the whole schema twice in a request, over HTTP and a WebSocket", async () => {
    expect(await costOf(server, whole)).toBe(10_000);
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
    const cost = await costOf(server, '{ __type(name: "Task") { name fields { name } } }');
    expect(cost).toBeGreaterThan(10);
    expect(cost).toBeLessThan(200);
    expect(await costOf(server, byName, { name: "Task" })).toBe(cost);
    expect(await costOf(server, byName, { name: "Nothing" })).toBeLessThan(3);
    expect(await costOf(server, "{ __typename }")).toBe(0);
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
