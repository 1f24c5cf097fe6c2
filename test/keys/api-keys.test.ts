import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { openSession } from "../../src/keys/sign-in.ts";
import { type Asking, startTestServer, type TestServer } from "../support/server.ts";
import { keyEvents } from "./key-events.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
  const projects = ["alpha", "beta", "gamma", "delta"];
  const create = (id: string) => `${id}: createProject(input: {projectId: "${id}", name: "P"}) { replayed }`;
  await server.ask(`mutation { ${projects.map(create).join(" ")} }`);
});
afterAll(() => server.close());

interface Created {
  readonly createApiKey: { apiKey: { keyId: string } | null; secret: string | null; replayed: boolean };
}

const create = `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { apiKey { keyId name role projectIds expiresAt } secret replayed }
}`;
const revoke = `mutation ($keyId: ID!) { revokeApiKey(input: {keyId: $keyId}) { apiKey { revokedAt } replayed } }`;
const viewer = "{ viewer { actor name role projectIds } }";

/** Asks as a browser does that was signed in with a key. */
async function signedIn(key: string): Promise<Asking> {
  const { url, database } = server;
  const cookie = `docket_session_${new URL(url).port}=${await openSession(database, key, "test")}`;
  return { key: null, headers: { cookie, origin: url } };
}

describe("createApiKey", () => {
  test("makes a key that works at once as it was asked for, and shows its secret this once", async () => {
    const input = { name: " ci ", role: "READER", projectIds: ["alpha", "alpha"], idempotencyKey: "k1" };
    const first = await server.ask<Created>(create, { input }, { key: server.adminKey });
    expect(first.createApiKey).toMatchObject({
      apiKey: { name: "ci", role: "READER", projectIds: ["alpha"], expiresAt: null },
      secret: expect.stringMatching(/^dk_[0-9A-Za-z]{49}$/),
      replayed: false,
    });
    const { secret } = first.createApiKey;
    expect(await server.ask(viewer, {}, { key: secret })).toEqual({
      viewer: { actor: `${secret?.slice(0, 11)}/ci`, name: "ci", role: "READER", projectIds: ["alpha"] },
    });
    const again = await server.ask<Created>(create, { input }, { key: server.adminKey });
    expect(again.createApiKey).toMatchObject({ apiKey: first.createApiKey.apiKey, secret: null, replayed: true });
  });

  test("keeps the secret nowhere: not in the tables, the events or the log", async () => {
    const input = { name: "ci", role: "AGENT", idempotencyKey: "secret" };
    const { createApiKey } = await server.ask<Created>(create, { input }, { key: server.adminKey });
    const hidden = createApiKey.secret?.slice(11) ?? "";
    const owner = await connect(server.test.ownerUrl, "docket test");
    const { rows } = await owner.query(
      `SELECT (SELECT json_agg(k) FROM api_keys k) keys, (SELECT json_agg(i) FROM idempotency_keys i) replays,
         (SELECT json_agg(e) FROM event_inbox e) inbox, (SELECT json_agg(e) FROM events e) events`,
    );
    await owner.end();
    expect(hidden).toHaveLength(41);
    expect(JSON.stringify([rows, server.logged])).not.toContain(hidden);
  });

  test("makes none that outlives the key in whose name it is made, also from a browser's session", async () => {
    const until = new Date(Date.now() + 3_600_000);
    const mortal = await server.makeKey({ name: "mortal", role: "admin", expiresAt: until });
    for (const asking of [{ key: mortal.secret }, await signedIn(mortal.secret)]) {
      for (const expiresAt of [null, new Date(until.getTime() + 1)]) {
        const { errors } = await server.gql(create, { input: { name: "ci", role: "READER", expiresAt } }, asking);
        expect(errors).toMatchObject([
          { message: expect.stringContaining(until.toISOString()), extensions: { code: "FORBIDDEN" } },
        ]);
      }
      const input = { name: "ci", role: "READER", expiresAt: until };
      expect(await server.ask(create, { input }, asking)).toMatchObject({
        createApiKey: { apiKey: { expiresAt: until.toISOString() } },
      });
    }
    // A session ends after hours, its key need not: what is made there lives as long as the key may.
    const input = { name: "ci", role: "READER" };
    expect(await server.ask(create, { input }, await signedIn(server.adminKey))).toMatchObject({
      createApiKey: { apiKey: { expiresAt: null } },
    });
  });

  test.each([
    [{ name: "", role: "AGENT" }, "BAD_USER_INPUT", /1 to 100/],
    [{ name: "x".repeat(101), role: "AGENT" }, "BAD_USER_INPUT", /1 to 100/],
    [{ name: "x", role: "AGENT", projectIds: [] }, "BAD_USER_INPUT", /at least one project/],
    [{ name: "x", role: "AGENT", projectIds: ["nowhere"] }, "PROJECT_NOT_FOUND", /nowhere/],
    [{ name: "x", role: "AGENT", expiresAt: "2020-01-01T00:00:00Z" }, "BAD_USER_INPUT", /future/],
  ])("refuses %o", async (input, code, message) => {
    const { errors } = await server.gql(create, { input }, { key: server.adminKey });
    expect(errors).toMatchObject([{ message: expect.stringMatching(message), extensions: { code } }]);
  });

  test("is for admins, and lets a limited one make nothing wider than itself", async () => {
    const limited = await server.makeKey({ name: "limited", role: "admin", projectIds: ["alpha"] });
    const code = async (input: object, key: string) =>
      (await server.gql(create, { input: { name: "x", role: "AGENT", ...input } }, { key })).errors?.[0]?.extensions[
        "code"
      ];
    expect(await code({}, server.agentKey)).toBe("FORBIDDEN");
    expect(await code({}, limited.secret)).toBe("FORBIDDEN");
    expect(await code({ projectIds: ["beta"] }, limited.secret)).toBe("PROJECT_NOT_FOUND");
    expect(await code({ projectIds: ["alpha", "beta"] }, limited.secret)).toBe("PROJECT_NOT_FOUND");
    expect(await code({ projectIds: ["alpha"], role: "ADMIN" }, limited.secret)).toBeUndefined();
  });
});

describe("revokeApiKey", () => {
  test("ends the key at once on every server, and done again changes nothing", async () => {
    const other = await startTestServer({ test: server.test });
    const { keyId, secret } = await server.makeKey({ name: "leaked" });
    expect((await other.gql(viewer, {}, { key: secret })).errors).toBeUndefined();
    await server.ask(revoke, { keyId }, { key: server.adminKey });
    for (const { gql } of [server, other])
      expect((await gql(viewer, {}, { key: secret })).errors).toMatchObject([
        { message: "This API key was revoked.", extensions: { code: "UNAUTHENTICATED" } },
      ]);
    await server.ask(revoke, { keyId }, { key: server.adminKey });
    const revoked = (await keyEvents(server, keyId)).filter(({ event_type }) => event_type === "key.revoked");
    expect(revoked).toMatchObject([{ subject_id: keyId, payload: { keyIds: [keyId] } }]);
    await other.close();
  });

  test("keeps the last unlimited admin key, also when two admins revoke each other's at once", async () => {
    const own = await startTestServer();
    const second = await own.makeKey({ name: "second", role: "admin" });
    const nodes = await own.ask<{ apiKeys: { nodes: { keyId: string; name: string }[] } }>(
      "{ apiKeys { nodes { keyId name } } }",
      {},
      { key: own.adminKey },
    );
    const firstId = nodes.apiKeys.nodes.find(({ name }) => name === "admin")?.keyId;
    const answers = await Promise.all([
      own.gql(revoke, { keyId: second.keyId }, { key: own.adminKey }),
      own.gql(revoke, { keyId: firstId }, { key: second.secret }),
    ]);
    const refused = answers.filter(({ errors }) => errors !== undefined);
    expect(refused).toHaveLength(1);
    expect(["FORBIDDEN", "UNAUTHENTICATED"]).toContain(refused[0]?.errors?.[0]?.extensions["code"]);
  });

  test.each(["no-uuid", "00000000-0000-4000-8000-000000000000"])("does not know the key %s", async (keyId) => {
    const { errors } = await server.gql(revoke, { keyId }, { key: server.adminKey });
    expect(errors).toMatchObject([{ extensions: { code: "NOT_FOUND", kind: "ApiKey", id: keyId } }]);
  });
});

describe("apiKeys", () => {
  test("shows an admin that is limited to some projects only the keys within them", async () => {
    await server.makeKey({ name: "of gamma", projectIds: ["gamma"] });
    const delta = await server.makeKey({ name: "of delta", projectIds: ["delta"] });
    await server.makeKey({ name: "of both", projectIds: ["gamma", "delta"] });
    const limited = await server.makeKey({ name: "limited", role: "admin", projectIds: ["gamma"] });
    const key = limited.secret;
    expect(await server.ask("{ apiKeys { totalCount nodes { name } } }", {}, { key })).toEqual({
      apiKeys: { totalCount: 2, nodes: [{ name: "limited" }, { name: "of gamma" }] },
    });
    const id = Buffer.from(`ApiKey:${delta.keyId}`).toString("base64");
    expect((await server.gql("query ($id: ID!) { node(id: $id) { id } }", { id }, { key })).data).toEqual({
      node: null,
    });
    const { errors } = await server.gql(revoke, { keyId: delta.keyId }, { key });
    expect(errors).toMatchObject([{ extensions: { code: "NOT_FOUND", kind: "ApiKey", id: delta.keyId } }]);
  });

  test("comes in pages, both ways, and is for admins", async () => {
    const own = await startTestServer();
    for (const name of ["one", "two", "three"]) await own.makeKey({ name });
    interface ListedKeys {
      apiKeys: { nodes: { name: string }[]; pageInfo: { endCursor: string; startCursor: string } };
    }
    const ask = (args: string) =>
      own.ask<ListedKeys>(
        `{ apiKeys(${args}) { nodes { name } pageInfo { endCursor startCursor } } }`,
        {},
        { key: own.adminKey },
      );
    const first = await ask("first: 2");
    expect(first.apiKeys.nodes.map(({ name }) => name)).toEqual(["three", "two"]);
    const second = await ask(`first: 2, after: "${first.apiKeys.pageInfo.endCursor}"`);
    expect(second.apiKeys.nodes.map(({ name }) => name)).toEqual(["one", "agent"]);
    const back = await ask(`last: 2, before: "${second.apiKeys.pageInfo.startCursor}"`);
    expect(back.apiKeys.nodes).toEqual(first.apiKeys.nodes);
    expect((await own.gql("{ apiKeys { totalCount } }")).errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
  });
});

test("a key notes when it was used, at most once a minute however often it is", async () => {
  const { keyId, secret: key } = await server.makeKey({ name: "noted" });
  const use = () => server.ask(viewer, {}, { key });
  await Promise.all(Array.from({ length: 20 }, use));
  const owner = await connect(server.test.ownerUrl, "docket test");
  const used = async () =>
    (await owner.query("SELECT last_used_at, xmin FROM api_keys WHERE key_id = $1", [keyId])).rows[0];
  const before = await used();
  expect(before.last_used_at).toBeInstanceOf(Date);
  await use();
  expect(await used()).toEqual(before);
  await owner.query("INSERT INTO clock_offset (moved_by) VALUES ('61 seconds')");
  await use();
  expect((await used()).last_used_at.getTime()).toBeGreaterThan(before.last_used_at.getTime());
  await owner.end();
});

test("a key that was cut or mistyped is told from one that is unknown", async () => {
  const { gql, agentKey } = server;
  const message = async (key: string) => (await gql(viewer, {}, { key })).errors?.[0]?.message;
  expect(await message(agentKey.slice(0, -1))).toBe("This API key is incomplete or mistyped.");
  const last = agentKey.endsWith("A") ? "B" : "A";
  expect(await message(agentKey.slice(0, -1) + last)).toBe("This API key is incomplete or mistyped.");
  const { makeSecret } = await import("../../src/keys/secret.ts");
  expect(await message(makeSecret("key").text)).toBe("This API key is unknown to this server.");
});
