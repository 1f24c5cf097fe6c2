import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ConfigError, readConfig } from "../../src/config/config.ts";
import { makeUser } from "../cli/in-process.ts";
import { nextOf, subscribe } from "../support/event-stream.ts";
import { connectOverHttp } from "../support/mcp-client.ts";
import { rest } from "../support/rest.ts";
import { startTestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

async function fileOf(content: string): Promise<string> {
  const file = join(await makeTemporaryFolder("trusted"), "trusted.json");
  await writeFile(file, content);
  return file;
}

const READ = "{ projects { totalCount } }";
const WATCHED = "subscription { taskEvents { cursor } }";
const ALIASED = "{ more: projects { totalCount } }";
const DATA = { data: { projects: { totalCount: 0 } } };
const REFUSED = { errors: [{ message: expect.stringContaining("DOCKET_TRUSTED_DOCUMENTS") }] };

test("what is not trusted is refused at every door, and what is may be sent letter by letter or by its hash", async () => {
  const file = await fileOf(JSON.stringify({ [sha256(READ)]: READ, [`sha256:${sha256(WATCHED)}`]: WATCHED }));
  const server = await startTestServer({ env: { DOCKET_TRUSTED_DOCUMENTS: file } });
  const { url, wsUrl, agentKey } = server;
  const authorization = `Bearer ${agentKey}`;
  const post = async (body: object, type = "application/json") => {
    const headers = { authorization, "content-type": type };
    return await (await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify(body) })).json();
  };
  const get = async (params: Record<string, string>) =>
    await (await fetch(`${url}/graphql?${new URLSearchParams(params)}`, { headers: { authorization } })).json();
  const sent = `sha256:${sha256(READ)}`;
  const extensions = { persistedQuery: { version: 1, sha256Hash: sha256(READ) } };

  for (const answer of [
    await post({ query: READ }),
    await post({ query: READ }, "application/graphql+json"),
    await post({ query: sent }),
    await post({ documentId: sent }),
    await post({ extensions }),
    await get({ query: READ }),
    await get({ documentId: sent }),
    await get({ extensions: JSON.stringify(extensions) }),
  ])
    expect(answer).toEqual(DATA);
  const unknown = `sha256:${sha256(ALIASED)}`;
  for (const answer of [
    await post({ query: ALIASED }),
    // A space more is another document.
    await post({ query: `${READ} ` }),
    await post({ query: ALIASED }, "application/graphql+json"),
    await post({ query: unknown }),
    await post({ documentId: unknown }),
    await post({ query: "{ __schema { queryType { name } } }" }),
    await get({ query: ALIASED }),
    await get({ documentId: unknown }),
  ]) {
    expect(answer).toMatchObject(REFUSED);
    expect(answer.errors[0].extensions.code).toBe("FORBIDDEN");
  }

  const { events } = await subscribe(url, WATCHED, { key: agentKey });
  expect((await nextOf(events)).event).toBe("next");
  const { response } = await subscribe(url, "subscription { taskEvents { seq: cursor } }", { key: agentKey });
  expect(await response.json()).toMatchObject(REFUSED);

  const socket = await connectSocket(wsUrl, { apiKey: agentKey });
  for (const [id, query] of [READ, sent, `sha256:${sha256(WATCHED)}`].entries()) {
    socket.send({ type: "subscribe", id: `${id}`, payload: { query } });
    expect(await socket.next()).toMatchObject({ type: "next", id: `${id}` });
    if (query !== `sha256:${sha256(WATCHED)}`) expect(await socket.next()).toMatchObject({ type: "complete" });
  }
  socket.send({ type: "subscribe", id: "refused", payload: { query: ALIASED } });
  expect(await socket.next()).toMatchObject({ type: "error", id: "refused", payload: REFUSED.errors });

  // Docket's own clients are trusted as little as any other.
  expect((await rest(server, "GET /tasks?project=alpha")).body).toMatchObject({ success: false, code: "FORBIDDEN" });
  const agent = await connectOverHttp(server);
  expect(await agent.callTool({ name: "list_tasks", arguments: {} })).toMatchObject({ isError: true });
});

test("with what `docket documents export` prints, all of Docket's own clients work, and nothing else does", async () => {
  const user = await makeUser();
  const { out } = await user.docket(["documents", "export"]);
  const exported: Record<string, string> = JSON.parse(out);
  for (const [hash, text] of Object.entries(exported)) expect(hash).toBe(sha256(text));
  expect(Object.values(exported).filter((text) => /Compare|Bench/.test(text))).toEqual([]);

  const server = await startTestServer({ env: { DOCKET_TRUSTED_DOCUMENTS: await fileOf(out) } });
  expect(await server.gql(READ)).toMatchObject(REFUSED);
  const { docket } = await makeUser({
    DOCKET_URL: server.url,
    DOCKET_API_KEY: server.adminKey,
    DOCKET_PROJECT: "alpha",
  });
  expect(await docket(["projects", "create", "alpha", "--name", "Alpha"])).toMatchObject({ code: 0, err: "" });
  expect(await docket(["add", "write it"])).toMatchObject({ code: 0 });
  expect(await docket(["status"])).toMatchObject({ code: 0, out: expect.stringContaining("alpha") });
  expect(
    (await rest(server, "POST /tasks", { body: { project_id: "alpha", description: "by REST" } })).body,
  ).toMatchObject({ success: true });
  expect((await rest(server, "GET /tasks/next?project=alpha")).body).toMatchObject({ success: true });
  const agent = await connectOverHttp(server);
  const { tools } = await agent.listTools();
  expect(tools.length).toBeGreaterThan(5);
  for (const [name, args] of [
    ["get_next_task", { project_id: "alpha" }],
    ["list_tasks", { project_id: "alpha" }],
    ["reserve_id_range", { project_id: "alpha", artifact_type: "US", count: 2 }],
    ["add_task", { project_id: "alpha", tasks: [{ description: "by MCP" }] }],
  ] as const)
    expect([name, await agent.callTool({ name, arguments: args })]).not.toMatchObject([name, { isError: true }]);
});

test.each([
  ["nothing", "{"],
  ["no documents", "3"],
  ["a hash that is none", JSON.stringify({ [sha256("{ a }")]: "{ b }" })],
])("a file of %s is refused at the start, and says so", async (_, content) => {
  const file = await fileOf(content);
  expect(() => readConfig({ DOCKET_TRUSTED_DOCUMENTS: file })).toThrow(ConfigError);
  expect(() => readConfig({ DOCKET_TRUSTED_DOCUMENTS: file })).toThrow(
    /DOCKET_TRUSTED_DOCUMENTS must name a JSON file/,
  );
});

test("a file that is not there is refused at the start, a list of texts is taken, and without one no hash is known", async () => {
  expect(() => readConfig({ DOCKET_TRUSTED_DOCUMENTS: "/nowhere.json" })).toThrow(/cannot be read .*ENOENT/);
  const { trustedDocuments } = readConfig({ DOCKET_TRUSTED_DOCUMENTS: await fileOf(JSON.stringify([READ])) });
  expect(trustedDocuments).toEqual(new Map([[sha256(READ), READ]]));
  const server = await startTestServer();
  expect((await server.gql(`sha256:${sha256(READ)}`)).errors).toMatchObject([
    { message: expect.stringContaining("send the text"), extensions: { code: "BAD_USER_INPUT" } },
  ]);
});
