import { once } from "node:events";
import { request } from "node:http";
import { text as textOf } from "node:stream/consumers";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSecret } from "../../src/keys/secret.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectSocket, openSocket } from "../support/socket.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());

const SECRET = "hunter2hunter2";

test("the request log carries no secret, wherever it was put", async () => {
  const { url, wsUrl, agentKey: key, logged } = server;
  const headers = { authorization: `Bearer ${key}` };
  const document = encodeURIComponent(`{ project(projectId: "${SECRET}") { name } }`);
  const asked = [
    `/graphql?apiKey=${SECRET}`,
    `/graphql?access_token=${SECRET}&query=${document}`,
    `/graphql?${SECRET}`,
    `/graphql?query={viewer{name}}&variables={"a":"${SECRET}"}&operationName=${SECRET}`,
    `/sign-in?token=${SECRET}&key=${SECRET}`,
    `/${SECRET}`,
    `/mcp/${SECRET}?apiKey=${SECRET}`,
    `/health?key=${SECRET}`,
    `//${SECRET}:${SECRET}@localhost/graphql`,
  ];
  for (const path of asked) await (await fetch(url + path, { headers })).text();
  await expect(
    openSocket(`${wsUrl}?apiKey=${SECRET}`, { headers: { cookie: `docket_session_${new URL(url).port}=x` } }),
  ).rejects.toThrow("403");
  await expect(openSocket(`${url.replace("http", "ws")}/${SECRET}`)).rejects.toThrow("404");
  await expect.poll(() => logged).toHaveLength(asked.length + 2);
  expect(JSON.stringify(logged)).not.toContain(SECRET);
  // What is left still tells what was asked.
  expect(logged[1]).toMatchObject({
    path: "/graphql",
    params: { "(other)": "(not logged)", query: "(not logged)" },
    operation: "query",
    code: "PROJECT_NOT_FOUND",
  });
  expect(logged[5]).toMatchObject({ path: "(none of this server)", status_code: 404 });
});

test("the name of an operation is logged up to a hundred characters", async () => {
  const { gql, wsUrl, agentKey, logged } = server;
  const before = logged.length;
  const [fits, long] = ["a".repeat(100), "b".repeat(5_000)];
  const queries = [fits, long].map((name) => `query ${name} { viewer { name } }`);
  for (const query of queries) await gql(query);
  const socket = await connectSocket(wsUrl, { apiKey: agentKey });
  socket.send({ type: "subscribe", id: "1", payload: { query: queries[1] } });
  await expect
    .poll(() => logged.slice(before).map(({ operation }) => operation))
    .toEqual([fits, long.slice(0, 100), long.slice(0, 100)]);
});

/** Sends what `fetch` would not, and gives all that came back. */
async function send(path: string, headers: Record<string, string>, body?: object): Promise<string> {
  const content = body && JSON.stringify(body);
  const method = content === undefined ? "GET" : "POST";
  const sent = request(server.url, { path, method, headers: { "content-type": "application/json", ...headers } });
  sent.end(content);
  const [response] = await once(sent, "response");
  await textOf(response);
  return JSON.stringify(response.headers);
}

const hex = (character: string) => `%${character.charCodeAt(0).toString(16)}`;
const decoded = (text: string) => text.replaceAll(/%[0-9a-f]{2}/gi, (code) => decodeURIComponent(code));

test("no secret of ours stands in the log, in an answer's headers or in an event, wherever a caller puts it", async () => {
  const { url, wsUrl, agentKey, adminKey, logged, test } = server;
  const owner = await connectOwner(test);
  // PostgreSQL quotes what it was given in messages and details.
  await owner.query(`CREATE FUNCTION quote() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'bad name %', NEW.name USING ERRCODE = 'XX000', DETAIL = NEW.name, HINT = NEW.project_id; END $$`);
  await owner.query(
    "CREATE TRIGGER quote BEFORE INSERT ON projects FOR EACH ROW WHEN (NEW.name LIKE '%quoted') EXECUTE FUNCTION quote()",
  );
  const authorization = `Bearer ${agentKey}`;
  const admin = { authorization: `Bearer ${adminKey}` };
  const create = (text: string) => ({
    query: "mutation ($input: CreateProjectInput!) { createProject(input: $input) { project { name } } }",
    variables: { input: { projectId: `p${logged.length}${Math.random()}`.replace(".", ""), name: text } },
  });
  const call = (params: object) => ({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
  const query = "{ viewer { name } }";
  const names =
    "x-request-id traceparent user-agent docket-client-id idempotency-key last-event-id cookie origin accept";
  const places: ((text: string) => Promise<string>)[] = [
    ...names.split(" ").map((name) => (text: string) => send("/graphql", { authorization, [name]: text }, { query })),
    (text) => send("/graphql", { ...admin, "x-request-id": text }, create("project")),
    (text) => send("/graphql", { authorization: text }, { query }),
    (text) => send("/graphql", { authorization, "content-type": text }, { query }),
    (text) => send("/graphql", { authorization, host: text }, { query }),
    (text) => send(`/${text}`, { authorization }),
    (text) => send(`/mcp/${text}`, { authorization }),
    (text) => send(`/graphql?${text}=1`, { authorization }),
    (text) => send(`/graphql?query=${text}`, { authorization }),
    (text) => send(`/graphql?operationName=${text}&query=query%20${text}{viewer{name}}`, { authorization }),
    (text) => send(`/sign-in?token=${text}`, {}),
    (text) => send("/graphql", { authorization }, { query: `query ${text} ${query}` }),
    (text) => send("/graphql", { authorization }, { query: `query ${text} { ${text} }` }),
    (text) => send("/graphql", { authorization }, { query: `{ ${text}: viewer { name } ! }` }),
    (text) => send("/graphql", { authorization }, { query: `{ project(projectId: "${text}") { name } }` }),
    (text) => send("/graphql", { authorization }, { query, operationName: text }),
    (text) => send("/graphql", admin, create(`${text} quoted`)),
    (text) => send("/mcp", { authorization }, call({ name: text, arguments: {} })),
    (text) => send("/mcp", { authorization }, call({ name: "get_task", arguments: { task_id: text } })),
    async (text) => {
      const socket = await connectSocket(wsUrl, { apiKey: agentKey, clientId: "test" });
      socket.send({ type: "subscribe", id: text, payload: { query: `query ${text} ${query}` } });
      return (await socket.next()).type;
    },
    (text) => openSocket(`${url.replace("http", "ws")}/${text}?${text}`).then(String, () => ""),
  ];
  const before = logged.length;
  const kinds = ["key", "session", "sign_in"] as const;
  const secrets: string[] = [];
  const around = fc.stringMatching(/^[a-z]{1,3}[a-z_]{0,95}$/);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...kinds), around, fc.nat(52), around, async (kind, start, encoded, end) => {
      const secret = makeSecret(kind).text;
      secrets.push(secret);
      const partly = secret.slice(0, encoded) + [...secret.slice(encoded)].map(hex).join("");
      const headers = await Promise.all(
        [`${start}${secret}${end}`, secret, partly, `Bearer ${partly}`.replace(" ", "%20")].flatMap((text) =>
          places.map((put) => put(text)),
        ),
      );
      expect(decoded(headers.join())).not.toContain(secret.slice(3, 12));
    }),
    { numRuns: 3 },
  );
  await expect.poll(() => logged.length - before).toBeGreaterThan(secrets.length * places.length);
  const lines = decoded(JSON.stringify(logged.slice(before)));
  const { rows } = await owner.query("SELECT e::text FROM events e UNION ALL SELECT e::text FROM event_inbox e");
  const events = JSON.stringify(rows);
  // The prefix names a key in public; nothing beyond it is shown.
  for (const secret of secrets) {
    expect(lines).not.toContain(secret.slice(3, 12));
    expect(events).not.toContain(secret.slice(3, 12));
  }
  // What was quoted is told apart from the rest, which is still there.
  expect(lines).toContain("bad name (not logged) quoted");
  expect(lines).toContain('"operation":"(not logged)"');
});
