import { readFileSync } from "node:fs";
import { buildSchema, parse, validate } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TABS } from "../../src/http/graphiql-tabs.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());

describe("GraphQL over HTTP", () => {
  test("answers 401 in JSON without a key, with a wrong one, and to a stream of events", async () => {
    const { url } = server;
    const body = JSON.stringify({ query: "subscription { taskEvents { cursor } }" });
    for (const headers of [
      {},
      { authorization: "Bearer dk_wrong" },
      { authorization: "Basic YTpi" },
      { accept: "text/event-stream" },
      { cookie: `docket_session_${new URL(url).port}=ds_wrong`, origin: url },
    ]) {
      const response = await fetch(`${url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
      });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect(await response.json()).toEqual({
        errors: [{ message: expect.any(String), extensions: { code: "UNAUTHENTICATED", retryable: false } }],
      });
    }
  });

  test("reports syntax, validation and variables as BAD_USER_INPUT", async () => {
    const { gql } = server;
    for (const [query, variables] of [
      ["{ viewer {", {}],
      ["{ viewer { secrets } }", {}],
      ["query ($id: ID!) { project(projectId: $id) { name } }", {}],
      ["{ apiKeys(first: -1) { totalCount } }", {}],
    ] as const) {
      const { errors } = await gql(query, variables, {});
      expect(errors?.[0]?.extensions).toMatchObject({ code: expect.stringMatching(/BAD_USER_INPUT|FORBIDDEN/) });
      expect(errors?.[0]?.extensions).not.toHaveProperty("http");
    }
  });

  test.each([
    ["{ not JSON", 400, 400],
    ["", 400, 400],
    [JSON.stringify({ query: "{ viewer {" }), 200, 400],
    [JSON.stringify({ query: "{ nothing }" }), 200, 400],
    [JSON.stringify({ query: "{ viewer { role } }" }), 200, 200],
  ])("answers %j with the status that GraphQL over HTTP asks for", async (body, plain, graphql) => {
    const { url, agentKey } = server;
    for (const [accept, status] of [
      ["application/json", plain],
      ["application/graphql-response+json", graphql],
    ] as const) {
      const headers = { authorization: `Bearer ${agentKey}`, "content-type": "application/json", accept };
      const response = await fetch(`${url}/graphql`, { method: "POST", headers, body });
      expect([response.status, response.headers.get("content-type")]).toEqual([status, `${accept}; charset=utf-8`]);
    }
  });

  test("masks what was not meant for callers, and logs it whole under the request's id", async () => {
    const { gql, test: database, logged } = await startTestServer();
    const { connect } = await import("../../src/db/connect.ts");
    const owner = await connect(database.ownerUrl, "docket test");
    await owner.query("ALTER TABLE projects RENAME COLUMN name TO secret_column");
    await owner.end();
    const { errors } = await gql(
      "{ projects { nodes { name } } viewer { role } }",
      {},
      { headers: { "x-request-id": "r1" } },
    );
    expect(errors).toMatchObject([
      {
        message: "Something went wrong inside the server. Its log tells more under request id r1.",
        path: ["projects"],
        extensions: { code: "INTERNAL", retryable: false, requestId: "r1" },
      },
    ]);
    expect(JSON.stringify(errors)).not.toContain("exist");
    const line = logged.find((candidate) => candidate["err"] !== undefined);
    expect(line).toMatchObject({ level: "error", request_id: "r1" });
    expect(JSON.stringify(line)).toMatch(/column.*does not exist/);
  });

  test("calls text that PostgreSQL cannot hold a mistake of the caller", async () => {
    const { gql, adminKey } = server;
    const { errors } = await gql(
      "mutation ($name: String!) { createApiKey(input: {name: $name, role: READER}) { secret } }",
      { name: "a\u0000b" },
      { key: adminKey },
    );
    expect(errors?.[0]).toMatchObject({
      message: "Text must not contain the character U+0000.",
      extensions: { code: "BAD_USER_INPUT" },
    });
  });

  test("neither takes several operations at once, nor files, nor mutations by GET", async () => {
    const { url, agentKey } = server;
    const headers = { authorization: `Bearer ${agentKey}`, "content-type": "application/json" };
    const query = "{ viewer { actor } }";
    const batch = await fetch(`${url}/graphql`, {
      method: "POST",
      headers,
      body: JSON.stringify([{ query }, { query }]),
    });
    expect(batch.status).toBe(400);
    const form = new FormData();
    form.set("operations", JSON.stringify({ query }));
    form.set("map", "{}");
    const multipart = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { authorization: headers.authorization },
      body: form,
    });
    expect(multipart.status).toBe(415);
    const mutation = `mutation { createProject(input: {projectId: "by-get", name: "P"}) { replayed } }`;
    const get = await fetch(`${url}/graphql?query=${encodeURIComponent(mutation)}`, { headers });
    expect(get.status).toBe(405);
  });

  test.each([
    ["variables", "{"],
    ["extensions", "oops"],
    ["variables", "5"],
    ["extensions", "5"],
  ])("says what is wrong with %s=%s in the address or a form", async (name, value) => {
    const { url, agentKey, logged } = server;
    const before = logged.length;
    const authorization = `Bearer ${agentKey}`;
    const params = new URLSearchParams({ query: "{ viewer { name } }", [name]: value });
    const asked = [
      fetch(`${url}/graphql?${params}`, { headers: { authorization } }),
      fetch(`${url}/graphql?${params}`, { headers: { authorization, accept: "application/json" } }),
      fetch(`${url}/graphql`, { method: "POST", headers: { authorization }, body: params }),
    ];
    for (const response of await Promise.all(asked)) {
      expect(response.status).toBe(400);
      const fault = { code: "BAD_USER_INPUT", retryable: false };
      expect(await response.json()).toMatchObject({
        errors: [{ message: expect.stringContaining(name), extensions: fault }],
      });
    }
    expect(logged.slice(before).filter((line) => "err" in line)).toEqual([]);
  });

  test("streams a subscription as server-sent events until the caller goes away, and leaves nothing behind", async () => {
    const { url, agentKey, ask, log } = server;
    const caller = new AbortController();
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${agentKey}`, "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ query: "subscription { taskEvents { events { type projectId } } }" }),
      signal: caller.signal,
    });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    await ask(`mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }`);
    let seen = "";
    try {
      for await (const chunk of response.body ?? []) {
        seen += Buffer.from(chunk).toString();
        if (seen.includes("project.created")) break;
      }
    } finally {
      caller.abort();
    }
    expect(seen).toContain("project.created");
    await expect.poll(() => log.streams).toBe(0);
  });
});

describe("query limits", () => {
  const spread = (levels: number) =>
    `{ ...F0 } ${Array.from({ length: levels }, (_, i) => `fragment F${i} on Query { a${i}: viewer { name } ${i + 1 < levels ? `...F${i + 1} ...F${i + 1}` : ""} }`).join(" ")}`;
  const tooComplex: [string, string][] = [
    ["tokens", `{ ${"viewer { name } ".repeat(3_000)} }`],
    ["aliases", `{ viewer { ${Array.from({ length: 201 }, (_, i) => `a${i}: name`).join(" ")} } }`],
    ["root fields", `{ ${Array.from({ length: 201 }, () => "__typename").join(" ")} }`],
    ["levels", `{ ${"a { ".repeat(25)} b ${"} ".repeat(25)} }`],
    ["levels", `{ ${"a { ".repeat(4_000)} b ${"} ".repeat(4_000)} }`],
    ["aliases|fields|root fields", spread(18)],
  ];

  test.each(tooComplex)("refuse a document with too many %s, before it costs anything", async (what, query) => {
    const { url, agentKey } = server;
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${agentKey}`,
        "content-type": "application/json",
        accept: "application/graphql-response+json",
      },
      body: JSON.stringify({ query }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      errors: [{ message: expect.stringMatching(what), extensions: { code: "QUERY_TOO_COMPLEX", retryable: false } }],
    });
  });

  test("let a fragment that spreads itself be found by validation", async () => {
    const { gql } = server;
    const { errors } = await gql("{ ...F } fragment F on Query { viewer { name } ...F }");
    expect(errors?.[0]?.message).toMatch(/Cannot spread fragment "F" within itself/);
  });
});

test("every operation that GraphiQL opens with is one of this schema", () => {
  const schema = buildSchema(readFileSync(new URL("../../schema/schema.graphql", import.meta.url), "utf8"));
  for (const { query } of TABS) expect(validate(schema, parse(query))).toEqual([]);
});

test("the comments that GraphiQL opens with can be read without scrolling aside", () => {
  const comments = TABS.flatMap(({ query }) => query.split("\n")).filter((line) => line.startsWith("#"));
  expect(comments.filter((line) => line.length > 60)).toEqual([]);
});
