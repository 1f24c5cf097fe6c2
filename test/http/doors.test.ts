import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { OWN_LOCK } from "../support/waiting.ts";
import { ALLOWED, type Case, type Operation, openDoors, textOf } from "./doors.ts";

const { shared, answered, short, long, byGet } = openDoors();

const JSON_TYPE = { accept: "application/json" };
const RESPONSE_TYPE = { accept: "application/graphql-response+json" };
const VIEWER = { query: "{ viewer { name role } }" };
const nested = (levels: number) => `${"{ a ".repeat(levels)}${"}".repeat(levels)}`;
const tasks = (alias: string) => `${alias}: tasks(first: 100) { nodes { title } }`;
const COSTLY = `query ($first: Int) { projects(first: $first) { nodes { ${tasks("a")} ${tasks("b")} } } }`;

/** The statuses are for those who accept plain JSON, and for those who know GraphQL's own type. */
const QUERIES: readonly (readonly [string, Operation, number, number])[] = [
  ["a query", VIEWER, 200, 200],
  ["variables", { query: "query ($n: Int) { projects(first: $n) { totalCount } }", variables: { n: 3 } }, 200, 200],
  [
    "one of several operations",
    { query: "query A { viewer { name } } query B { me: viewer { name } }", operationName: "B" },
    200,
    200,
  ],
  ["several operations without a name", { query: "query A { viewer { name } } query B { viewer { role } }" }, 400, 400],
  ["an operation that is not there", { query: "query A { viewer { name } }", operationName: "C" }, 400, 400],
  ["no operation at all", { query: "fragment F on Viewer { name }" }, 400, 400],
  ["a mistake in the syntax", { query: "{ viewer {" }, 200, 400],
  ["an empty document", { query: " " }, 200, 400],
  ["fields that are not there", { query: "{ viewer { secrets } nothing }" }, 200, 400],
  ["a variable that is missing", { query: "query ($id: ID!) { project(projectId: $id) { name } }" }, 400, 400],
  [
    "a variable of the wrong type",
    { query: "query ($n: Int) { projects(first: $n) { totalCount } }", variables: { n: "x" } },
    400,
    400,
  ],
  ["levels beyond the limit", { query: nested(21) }, 200, 400],
  ["levels that the parser cannot take", { query: nested(4_000) }, 200, 400],
  [
    "aliases beyond the limit",
    { query: `{ ${Array.from({ length: 201 }, (_, i) => `a${i}: __typename`).join(" ")} }` },
    200,
    400,
  ],
  [
    "a number that is not kept, in the document",
    { query: "{ projects(first: 12345678901234567890) { totalCount } }" },
    200,
    400,
  ],
  ["a cost beyond the limit", { query: COSTLY, variables: { first: 100 } }, 200, 400],
  ["what is not there", { query: '{ project(projectId: "none") { name } viewer { name } }' }, 200, 200],
  ["what the key may not see", { query: "{ apiKeys { totalCount } }" }, 200, 200],
];

/** The address of a GET, and the headers of a request, have an end. */
const fitsAddress = ({ query }: Operation) => query.length < 2_000;

describe("a document is answered alike through every door", () => {
  test.each(QUERIES)("%s", async (_, body, plain, graphql) => {
    for (const [headers, status] of [
      [JSON_TYPE, plain],
      [RESPONSE_TYPE, graphql],
    ] as const) {
      const answer = await short({ body, headers });
      expect(answer.status).toBe(status);
      expect(answer).toEqual(await long({ body, headers }));
      if (fitsAddress(body)) expect(answer).toEqual(await byGet({ body, headers }));
    }
  });

  test("a fault of the server, which is masked", async () => {
    await shared.owner.query("ALTER TABLE projects RENAME COLUMN name TO secret_column");
    const body = { query: "{ projects { nodes { name } } viewer { name } }" };
    const answer = await short({ body });
    expect(answer).toMatchObject({
      status: 200,
      body: expect.stringContaining("INTERNAL"),
      logged: { level: "error" },
    });
    expect(answer.body).not.toContain("secret_column");
    expect(answer).toEqual(await long({ body }));
    await shared.owner.query("ALTER TABLE projects RENAME COLUMN secret_column TO name");
  });

  test("a mutation, under an idempotency key and what it cost", async () => {
    const body = {
      query: 'mutation { createProject(input: {projectId: "doors", name: "D"}) { replayed project { name } } }',
    };
    const headers = { "idempotency-key": "doors-1", "docket-cost": "1", "docket-client-id": "me" };
    expect(await short({ body, headers })).toMatchObject({ body: expect.stringContaining('"replayed":false') });
    const again = await short({ body, headers });
    expect(again.body).toMatch(/"replayed":true.*"extensions":\{"cost":0\}/);
    expect(again).toEqual(await long({ body, headers }));
  });
});

const BODIES: readonly (readonly [string, unknown, number])[] = [
  ["is no JSON", "{ not JSON", 400],
  ["is empty", "", 400],
  ["is a text", '"query"', 400],
  ["is null", "null", 400],
  ["is several operations", [VIEWER, VIEWER], 400],
  ["has no document", { variables: {} }, 400],
  ["has a document that is no text", { query: 1 }, 400],
  ["has a member that nobody knows", { ...VIEWER, id: 1 }, 400],
  ["has a member that nobody knows, of null", { ...VIEWER, id: null }, 200],
  ["has variables that are a list", { ...VIEWER, variables: [] }, 400],
  ["has variables of null", { ...VIEWER, variables: null, operationName: null, extensions: null }, 200],
  ["has extensions that are a text", { ...VIEWER, extensions: "a" }, 400],
  ["has an operation's name that is a number", { ...VIEWER, operationName: 1 }, 400],
  ["has a number that is not kept", `{"query":"query ($n: JSON) { viewer { name } }","variables":{"n":1e400}}`, 200],
  ["has a member named __proto__", `{"query":"{ viewer { name } }","variables":{"n":{"__proto__":{}}}}`, 200],
  [
    "is nested thousands deep",
    `{"query":"{ viewer { name } }","variables":{"n":${"[".repeat(9_000)}${"]".repeat(9_000)}}}`,
    200,
  ],
  ["begins with a byte order mark", `\uFEFF${JSON.stringify(VIEWER)}`, 200],
  ["is larger than a megabyte", { ...VIEWER, variables: { n: "n".repeat(1024 * 1024) } }, 413],
];

describe("a body is judged alike", () => {
  test.each(BODIES)("one that %s", async (_, body, status) => {
    const answer = await short({ body });
    expect(answer.status).toBe(status);
    expect(answer).toEqual(await long({ body }));
  });
});

const TYPES: readonly (readonly [string, number])[] = [
  ["", 200],
  ["*/*", 200],
  ["application/*", 200],
  ["Application/JSON", 200],
  ["application/json;q=0.5, */*;q=0.1", 200],
  ["application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", 200],
  ["application/graphql-response+json, application/json, text/event-stream, multipart/mixed", 200],
  ["application/json; charset=latin1", 406],
  ["text/html, application/json", 200],
  ["text/html", 406],
  ["multipart/mixed", 200],
  ["text/event-stream", 200],
  ["*/*, text/event-stream", 200],
  ["constructor", 406],
  ["__proto__", 406],
];

describe("what is accepted is heeded alike", () => {
  test.each(TYPES)("%j", async (accept, status) => {
    for (const body of [VIEWER, { query: "{ nothing }" }]) {
      const answer = await short({ body, headers: { accept } });
      if (body === VIEWER) expect(answer.status).toBe(status);
      expect(answer).toEqual(await long({ body, headers: { accept } }));
    }
  });

  test.each(["application/json", "text/event-stream", "*/*"])("%j by a subscription that fails", async (accept) => {
    const body = { query: 'subscription { taskEvents(after: "none") { cursor } }' };
    const answer = await short({ body, headers: { accept } });
    expect(answer.body).toContain("This is not a cursor.");
    expect(answer).toEqual(await long({ body, headers: { accept } }));
  });

  test("no stream by a subscription", async () => {
    const body = { query: "subscription { taskEvents { cursor } }" };
    const answer = await short({ body, headers: JSON_TYPE });
    expect(answer.status).toBe(406);
    expect(answer).toEqual(await long({ body, headers: JSON_TYPE }));
  });

  test("by a client that resumes", async () => {
    const headers = { accept: "*/*", "last-event-id": "c1" };
    const answer = await short({ body: { query: "{ nothing }" }, headers });
    expect(answer.status).toBe(400);
    expect(answer).toEqual(await long({ body: { query: "{ nothing }" }, headers }));
  });
});

const cookie = () => `docket_session_${new URL(shared.server.url).port}=ds_wrong`;

const CALLERS: readonly (readonly [string, () => Record<string, string>, number])[] = [
  ["has no key", () => ({ authorization: "" }), 401],
  ["has a wrong key", () => ({ authorization: "Bearer dk_wrong" }), 401],
  ["uses another scheme", () => ({ authorization: "Basic YTpi" }), 401],
  ["has a wrong cookie", () => ({ authorization: "", cookie: cookie(), origin: shared.server.url }), 401],
  ["has a cookie that another page sends", () => ({ authorization: "", cookie: cookie(), origin: ALLOWED }), 403],
  ["has no key, and wants events", () => ({ authorization: "", accept: "text/event-stream" }), 401],
  ["names itself too long", () => ({ "docket-client-id": "c".repeat(201) }), 400],
  ["is a page that is let in", () => ({ origin: ALLOWED }), 200],
  ["is a page that is let in, without a key", () => ({ origin: ALLOWED, authorization: "" }), 401],
  ["is a page that is not let in", () => ({ origin: "https://elsewhere.example" }), 200],
  ["is a page of this server", () => ({ origin: shared.server.url }), 200],
];

describe("a caller is met alike", () => {
  test.each(CALLERS)("who %s", async (_, headersOf, status) => {
    const headers = headersOf();
    for (const body of [VIEWER, { query: "{ nothing }" }]) {
      const answer = await short({ body, headers });
      if (body === VIEWER) expect(answer.status).toBe(status);
      expect(answer.headers["access-control-allow-origin"]).toBe(
        headers["origin"] === ALLOWED && status !== 403 ? ALLOWED : undefined,
      );
      expect(answer).toEqual(await long({ body, headers }));
    }
  });

  test("who goes away while it waits", async () => {
    const { url, agentKey, logged } = shared.server;
    const gone = () => logged.filter((line) => line["status_code"] === 499);
    const waiting = `SELECT FROM pg_locks WHERE NOT granted AND ${OWN_LOCK} AND relation = 'projects'::regclass`;
    for (const [before, type] of ["application/json", "application/graphql+json"].entries()) {
      await shared.owner.query("BEGIN; LOCK TABLE projects IN ACCESS EXCLUSIVE MODE");
      const leaving = new AbortController();
      const left = fetch(`${url}/graphql`, {
        method: "POST",
        signal: leaving.signal,
        headers: { "content-type": type, authorization: `Bearer ${agentKey}` },
        body: JSON.stringify({ query: "{ projects { totalCount } }" }),
      }).catch((error: unknown) => error);
      await eventually(async () => expect((await shared.owner.query(waiting)).rowCount).toBeGreaterThan(0));
      leaving.abort();
      await left;
      await eventually(() => expect(gone()).toHaveLength(before + 1));
      await shared.owner.query("COMMIT");
      await eventually(async () => expect((await shared.owner.query(waiting)).rowCount).toBe(0));
    }
    const [first, second] = gone().map(({ time: _t, request_id: _r, duration_ms: _d, ...line }) => line);
    expect(first).toEqual(second);
  });
});

describe("what holds before any operation holds at /mcp", () => {
  const CALL = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "list_tasks", arguments: {} } };
  const byMcp = ({ body, headers }: Case) =>
    answered("/mcp", {
      method: "POST",
      body: textOf(body),
      headers: { "content-type": "application/json", ...headers },
    });

  test.each([
    ["a key that is missing", { authorization: "" }, CALL, 401],
    ["a wrong key", { authorization: "Bearer dk_wrong" }, CALL, 401],
    ["a name that is too long", { "docket-client-id": "c".repeat(201) }, CALL, 400],
    ["a body that is too large", {}, { ...CALL, id: "n".repeat(1024 * 1024) }, 413],
  ] as const)("%s", async (_, headers, body, status) => {
    const at = await byMcp({ body, headers });
    const graphql = await short({ body, headers });
    expect([at.status, graphql.status]).toEqual([status, status]);
    expect({ ...at.logged, path: "/graphql" }).toEqual(graphql.logged);
    const { "content-length": _a, "content-type": _b, "cache-control": _c, ...headersAt } = at.headers;
    const { "content-length": _d, "content-type": _e, "cache-control": _f, ...headersOf } = graphql.headers;
    expect(headersAt).toEqual(headersOf);
    if (status !== 401) expect(at.body).toBe(graphql.body);
  });

  test("an operation's faults reach the tool's caller masked, and the log", async () => {
    await shared.owner.query("ALTER TABLE tasks RENAME COLUMN title TO secret_column");
    const answer = await byMcp({ body: CALL });
    await shared.owner.query("ALTER TABLE tasks RENAME COLUMN secret_column TO title");
    expect(answer).toMatchObject({
      status: 200,
      logged: { level: "error", code: "INTERNAL", operation: "list_tasks" },
    });
    expect(answer.body).toContain("(request id)");
    expect(answer.body).not.toContain("secret_column");
  });

  test("a refusal of the database's verb is told with its code", async () => {
    const params = { name: "update_task_status", arguments: { task_id: "TASK-999", status: "pending" } };
    const answer = await byMcp({ body: { ...CALL, params } });
    expect(answer).toMatchObject({ status: 200, logged: { level: "warn", code: "TASK_NOT_FOUND" } });
    expect(answer.body).not.toContain('"http"');
  });
});

describe("what holds before any operation holds for REST", () => {
  const byRest = ({ headers }: Pick<Case, "headers">, path = "/tasks/next?project=none") =>
    answered(path, { headers: { ...headers } });

  test.each(CALLERS)("of a caller who %s", async (_, headersOf, status) => {
    const headers = headersOf();
    const answer = await byRest({ headers });
    // The project that it may ask for is not there.
    expect(answer.status).toBe(status === 200 ? 404 : status);
    const { success, code } = JSON.parse(answer.body);
    expect([success, answer.logged["code"]]).toEqual([false, code]);
    expect(answer.headers["access-control-allow-origin"]).toBe(headers["origin"] === ALLOWED ? ALLOWED : undefined);
    expect(answer.logged).toMatchObject({ level: "warn", path: "/tasks/next", status_code: answer.status });
  });

  test("an operation's faults reach the caller masked, and the log", async () => {
    await shared.owner.query("ALTER TABLE tasks RENAME COLUMN title TO secret_column");
    const answer = await byRest({}, "/tasks/TASK-001?project=doors");
    await shared.owner.query("ALTER TABLE tasks RENAME COLUMN secret_column TO title");
    expect(answer).toMatchObject({
      status: 500,
      body: expect.stringContaining("(request id)"),
      logged: { level: "error", code: "INTERNAL", operation: "RestGetTask", path: "/tasks/{task_id}" },
    });
    expect(answer.body).not.toContain("secret_column");
  });

  test("a caller who goes away while it waits", async () => {
    const { url, agentKey, logged } = shared.server;
    const gone = () => logged.filter((line) => line["status_code"] === 499 && line["path"] === "/tasks");
    const waiting = `SELECT FROM pg_locks WHERE NOT granted AND ${OWN_LOCK} AND relation = 'tasks'::regclass`;
    await shared.owner.query("BEGIN; LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE");
    const leaving = new AbortController();
    const left = fetch(`${url}/tasks?project=doors`, {
      signal: leaving.signal,
      headers: { authorization: `Bearer ${agentKey}` },
    }).catch((error: unknown) => error);
    await eventually(async () => expect((await shared.owner.query(waiting)).rowCount).toBeGreaterThan(0));
    leaving.abort();
    await left;
    await eventually(() => expect(gone()).toHaveLength(1));
    await shared.owner.query("COMMIT");
    await eventually(async () => expect((await shared.owner.query(waiting)).rowCount).toBe(0));
    expect(gone()[0]).toMatchObject({ level: "warn", method: "GET", api_key_prefix: agentKey.slice(0, 8) });
  });
});
