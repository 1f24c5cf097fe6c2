import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket, openSocket } from "../support/socket.ts";

const REFUSED = { code: "RATE_LIMITED", retryable: true, retryAfterMs: expect.any(Number) };

async function post(url: string, body: unknown, headers: Record<string, string>) {
  const init = {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
  const response = await fetch(url, init);
  return { status: response.status, retryAfter: response.headers.get("retry-after"), body: await response.text() };
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** A clock that is moved by hand. */
function standing() {
  const time = { ms: 1_000 };
  return { time, now: () => time.ms };
}

const ONE = { DOCKET_LIMIT_BURST: "6", DOCKET_FIELDS_PER_MINUTE: "1" };

test("root fields are counted for each key whatever door they come by, and beyond the limit each door says when to come back", async () => {
  const { time, now } = standing();
  const { url, wsUrl, agentKey, adminKey, gql }: TestServer = await startTestServer({ env: ONE, now });
  const socket = await connectSocket(wsUrl, { apiKey: agentKey });
  const ask = (query: string, headers: Record<string, string> = {}) =>
    post(`${url}/graphql`, { query }, { ...bearer(agentKey), ...headers });
  const yoga = { "content-type": "application/graphql+json" };

  // Six fields, by three doors: aliases count, __typename in them too.
  expect((await ask("{ a: projects { totalCount } b: projects { totalCount } }")).status).toBe(200);
  expect((await ask("query { ...f } fragment f on Query { projects { totalCount } __typename }", yoga)).status).toBe(
    200,
  );
  socket.send({ type: "subscribe", id: "1", payload: { query: "{ projects { totalCount } }" } });
  expect(await socket.next()).toMatchObject({ type: "next" });
  expect(await socket.next()).toMatchObject({ type: "complete" });
  socket.send({ type: "subscribe", id: "2", payload: { query: "subscription { taskEvents { cursor } }" } });
  expect(await socket.next()).toMatchObject({
    type: "next",
    id: "2",
    payload: { data: { taskEvents: { cursor: expect.any(String) } } },
  });

  const inTime = { status: 429, retryAfter: "60" };
  const refused = { ...inTime, body: expect.stringContaining('"code":"RATE_LIMITED"') };
  expect(await ask("{ projects { totalCount } }")).toMatchObject(refused);
  expect(await ask("{ projects { totalCount } }", yoga)).toMatchObject(refused);
  expect(await ask("{ projects { totalCount } }", { accept: "application/graphql-response+json" })).toMatchObject(
    refused,
  );
  expect(JSON.parse((await ask("{ projects { totalCount } }")).body).errors).toMatchObject([{ extensions: REFUSED }]);
  expect(await ask("subscription { taskEvents { cursor } }", { accept: "text/event-stream" })).toMatchObject({
    body: expect.stringContaining("RATE_LIMITED"),
  });
  socket.send({ type: "subscribe", id: "3", payload: { query: "{ projects { totalCount } }" } });
  await eventually(async () =>
    expect(await socket.next()).toMatchObject({ id: "3", payload: { errors: [{ extensions: REFUSED }] } }),
  );
  const call = {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "list_tasks", arguments: { project_id: "a" } },
  };
  const byMcp = await post(`${url}/mcp`, call, { ...bearer(agentKey), accept: "application/json, text/event-stream" });
  expect(JSON.parse(byMcp.body)).toMatchObject({ result: { isError: true } });
  expect(byMcp.body).toContain("asked for too many root fields");

  expect((await gql("{ projects { totalCount } }", {}, { key: adminKey })).errors).toBeUndefined();
  // One comes back in a minute, and not a millisecond before.
  time.ms += 59_999;
  expect(await ask("{ projects { totalCount } }")).toMatchObject({ status: 429, retryAfter: "1" });
  time.ms += 1;
  expect(await ask("{ projects { totalCount } }")).toMatchObject({ status: 200 });
  expect(await ask("{ projects { totalCount } }")).toMatchObject({ status: 429, retryAfter: "60" });
});

test("reservations are counted for each key and project that it sees, and refused beside what succeeds", async () => {
  const env = { DOCKET_LIMIT_BURST: "2", DOCKET_RESERVATIONS_PER_MINUTE: "1" };
  const { time, now } = standing();
  const { url, ask, gql, makeKey, agentKey } = await startTestServer({ env, now });
  for (const projectId of ["alpha", "beta"])
    await ask(`mutation { createProject(input: {projectId: "${projectId}", name: "P"}) { replayed } }`);
  const reserve = (projectId: string, as = "r") =>
    `${as}: reserveIds(input: {projectId: "${projectId}", artifactType: "US"}) { reservedIds }`;
  const limited = await makeKey({ name: "limited", projectIds: ["beta"] });
  // What is not the key's tells nothing of how often others ask.
  for (let i = 0; i < 4; i++)
    expect((await gql(`mutation { ${reserve("alpha")} }`, {}, { key: limited.secret })).errors).toMatchObject([
      { extensions: { code: "PROJECT_NOT_FOUND" } },
    ]);
  await ask(`mutation { ${reserve("alpha", "a")} ${reserve("alpha", "b")} }`);
  const alone = await post(`${url}/graphql`, { query: `mutation { ${reserve("alpha")} }` }, bearer(agentKey));
  expect(alone).toMatchObject({ status: 429, retryAfter: "60" });
  expect(JSON.parse(alone.body)).toMatchObject({ data: { r: null }, errors: [{ path: ["r"], extensions: REFUSED }] });
  // Who repeated it whole would reserve in the other project again.
  const beside = await post(
    `${url}/graphql`,
    { query: `mutation { ${reserve("alpha", "a")} ${reserve("beta", "b")} }` },
    bearer(agentKey),
  );
  expect(beside).toMatchObject({ status: 200, retryAfter: null });
  expect(JSON.parse(beside.body)).toMatchObject({
    data: { a: null, b: { reservedIds: ["US-001"] } },
    errors: [{ extensions: REFUSED }],
  });
  await ask(`mutation { ${reserve("beta")} }`, {}, { key: limited.secret });
  time.ms += 59_999;
  expect((await gql(`mutation { ${reserve("alpha")} }`)).errors).toMatchObject([{ extensions: { retryAfterMs: 1 } }]);
  time.ms += 1;
  await ask(`mutation { ${reserve("alpha")} }`);
});

test("an address that tries many wrong keys is held back at every door, and keys seen good there go on", async () => {
  const env = {
    DOCKET_LIMIT_BURST: "3",
    DOCKET_FAILED_SIGN_INS_PER_MINUTE: "1",
    DOCKET_FIELDS_PER_MINUTE: "0",
    DOCKET_TRUSTED_PROXIES: "127.0.0.1",
  };
  const { time, now } = standing();
  const { url, wsUrl, agentKey, adminKey } = await startTestServer({ env, now });
  const wrong = `dk_${"x".repeat(43)}`;
  const from = (address: string, key: string) =>
    post(`${url}/graphql`, { query: "{ projects { totalCount } }" }, { ...bearer(key), "x-forwarded-for": address });
  expect((await from("192.0.2.1", agentKey)).status).toBe(200);
  for (let i = 0; i < 3; i++) expect((await from("192.0.2.1", wrong)).status).toBe(401);
  const refused = await from("192.0.2.1", wrong);
  expect(refused).toMatchObject({ status: 429, retryAfter: "60" });
  expect(JSON.parse(refused.body).errors).toMatchObject([{ extensions: REFUSED }]);
  // One that has not been seen good yet cannot be told from a wrong one.
  expect((await from("192.0.2.1", adminKey)).status).toBe(429);
  expect((await from("192.0.2.1", agentKey)).status).toBe(200);
  expect((await from("192.0.2.2", adminKey)).status).toBe(200);
  expect((await from("192.0.2.1", adminKey)).status).toBe(200);
  // Only what a trusted proxy adds counts, not what its caller sent.
  expect((await from("192.0.2.9, 192.0.2.1", wrong)).status).toBe(429);

  const forwarded = { "x-forwarded-for": "192.0.2.1" };
  expect(await post(`${url}/mcp`, {}, { ...bearer(wrong), ...forwarded })).toMatchObject({ status: 429 });
  const socket = await openSocket(wsUrl, { headers: forwarded });
  socket.send({ type: "connection_init", payload: { apiKey: wrong } });
  expect(await socket.closed).toMatchObject({ code: 1013 });
  const form = { method: "POST", headers: forwarded, body: new URLSearchParams({ key: wrong }) };
  const signIn = await fetch(`${url}/sign-in`, form);
  expect([signIn.status, signIn.headers.get("retry-after")]).toEqual([429, "60"]);
  time.ms += 59_999;
  expect((await from("192.0.2.1", wrong)).status).toBe(429);
  time.ms += 1;
  expect((await from("192.0.2.1", wrong)).status).toBe(401);
  expect((await from("192.0.2.1", wrong)).status).toBe(429);
});

test("nobody but a trusted proxy says where a request comes from, and what host and scheme its caller used", async () => {
  const env = { DOCKET_LIMIT_BURST: "1", DOCKET_FAILED_SIGN_INS_PER_MINUTE: "1" };
  const untrusted = await startTestServer({
    env: { ...env, DOCKET_TRUSTED_PROXIES: "10.0.0.0/8" },
    now: standing().now,
  });
  const wrong = { ...bearer(`dk_${"x".repeat(43)}`) };
  const tries = ["192.0.2.1", "192.0.2.2"].map((address) => ({ ...wrong, "x-forwarded-for": address }));
  const statuses: number[] = [];
  for (const headers of tries) statuses.push((await post(`${untrusted.url}/graphql`, {}, headers)).status);
  expect(statuses).toEqual([401, 429]);

  const trusted = await startTestServer({ test: untrusted.test, env: { DOCKET_TRUSTED_PROXIES: "127.0.0.1" } });
  const signIn = async ({ url, adminKey }: TestServer) => {
    const body = new URLSearchParams({ key: adminKey });
    const headers = { "x-forwarded-proto": "https", "x-forwarded-host": "docket.example" };
    const response = await fetch(`${url}/sign-in`, { method: "POST", headers, body, redirect: "manual" });
    return { status: response.status, cookie: response.headers.get("set-cookie") ?? "" };
  };
  expect((await signIn(untrusted)).cookie).not.toContain("Secure");
  // The name is judged as if the caller had used it here.
  expect(await signIn(trusted)).toMatchObject({ status: 403 });
  const named = await startTestServer({
    test: untrusted.test,
    env: { DOCKET_TRUSTED_PROXIES: "127.0.0.1", DOCKET_ALLOWED_HOSTS: "docket.example" },
  });
  expect((await signIn(named)).cookie).toMatch(/^docket_session_80=.*; Secure$/);
});
