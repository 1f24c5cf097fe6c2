import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { openSession } from "../../src/keys/sign-in.ts";
import { passTime } from "../support/owner.ts";
import { type Asking, startTestServer, type TestServer } from "../support/server.ts";

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
interface Rotated {
  readonly rotateApiKey: {
    readonly apiKey: { readonly keyId: string };
    readonly former: { readonly keyId: string; readonly expiresAt: string | null; readonly revokedAt: string | null };
    readonly secret: string | null;
    readonly replayed: boolean;
  };
}

const rotate = `mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) {
  apiKey { keyId name role projectIds expiresAt } former { keyId expiresAt revokedAt } secret replayed
} }`;
const revoke = `mutation ($keyId: ID!) { revokeApiKey(input: {keyId: $keyId}) { apiKey { revokedAt } replayed } }`;
const viewer = "{ viewer { actor name role projectIds } }";

/** Asks as a browser does that was signed in with a key. */
async function signedIn(key: string): Promise<Asking> {
  const { url, database } = server;
  const cookie = `docket_session_${new URL(url).port}=${await openSession(database, key, "test")}`;
  return { key: null, headers: { cookie, origin: url } };
}

/** The types and payloads of the events about the key, from the log. */
async function keyEvents(keyId: string) {
  const owner = await connect(server.test.ownerUrl, "docket test");
  await owner.query("SELECT drain()");
  const { rows } = await owner.query(
    "SELECT event_type, subject_id, actor, payload FROM events WHERE event_type LIKE 'key.%' AND subject_id = $1 ORDER BY position",
    [keyId],
  );
  await owner.end();
  return rows;
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
    const revoked = (await keyEvents(keyId)).filter(({ event_type }) => event_type === "key.revoked");
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

describe("rotateApiKey", () => {
  test("makes a key that may do the same and shows it once; the former goes on for the overlap, with its sessions", async () => {
    const own = await startTestServer();
    await own.ask('mutation { createProject(input: {projectId: "alpha", name: "P"}) { replayed } }');
    const later = new Date(Date.now() + 1_000 * 3_600_000).toISOString();
    const old = await own.makeKey({ name: "ci", role: "reader", projectIds: ["alpha"], expiresAt: new Date(later) });
    const session = await openSession(own.database, old.secret, "test");
    const cookie = `docket_session_${new URL(own.url).port}=${session}`;
    const ways: Asking[] = [{ key: old.secret }, { key: null, headers: { cookie, origin: own.url } }];
    const input = { keyId: old.keyId, overlapSeconds: 3_600, idempotencyKey: "k" };
    const { rotateApiKey } = await own.ask<Rotated>(rotate, { input }, { key: own.adminKey });
    expect(rotateApiKey).toMatchObject({
      apiKey: { name: "ci", role: "READER", projectIds: ["alpha"], expiresAt: later },
      former: { keyId: old.keyId, revokedAt: null },
      replayed: false,
    });
    const leftMs = Date.parse(rotateApiKey.former.expiresAt ?? "") - Date.now();
    expect(Math.abs(leftMs - 3_600_000)).toBeLessThan(60_000);
    const again = await own.ask<Rotated>(rotate, { input }, { key: own.adminKey });
    expect(again.rotateApiKey).toMatchObject({ apiKey: rotateApiKey.apiKey, secret: null, replayed: true });
    const key = rotateApiKey.secret;
    for (const way of [...ways, { key }])
      expect(await own.ask(viewer, {}, way)).toMatchObject({ viewer: { name: "ci", role: "READER" } });
    // An end that comes first is kept.
    const longer = { keyId: old.keyId, overlapSeconds: 7_200 };
    const second = await own.ask<Rotated>(rotate, { input: longer }, { key: own.adminKey });
    expect(second.rotateApiKey.former).toEqual(rotateApiKey.former);
    const owner = await connect(own.test.ownerUrl, "docket test");
    await passTime(owner, 3_601);
    await owner.end();
    for (const way of ways)
      expect((await own.gql(viewer, {}, way)).errors).toMatchObject([{ message: expect.stringContaining("expired") }]);
    expect(await own.ask(viewer, {}, { key })).toMatchObject({ viewer: { name: "ci" } });
    const { errors } = await own.gql(rotate, { input: { keyId: old.keyId } }, { key: own.adminKey });
    expect(errors).toMatchObject([
      { message: expect.stringContaining("has ended"), extensions: { code: "BAD_USER_INPUT" } },
    ]);
  });

  test("ends the former at once without an overlap, though it is the last unlimited admin, and a day later unless told", async () => {
    const own = await startTestServer();
    const { apiKeys } = await own.ask<{ apiKeys: { nodes: { keyId: string; name: string }[] } }>(
      "{ apiKeys { nodes { keyId name } } }",
      {},
      { key: own.adminKey },
    );
    const keyId = apiKeys.nodes.find(({ name }) => name === "admin")?.keyId;
    const { rotateApiKey } = await own.ask<Rotated>(
      rotate,
      { input: { keyId, overlapSeconds: 0 } },
      { key: own.adminKey },
    );
    expect(rotateApiKey.former).toMatchObject({ expiresAt: null, revokedAt: expect.any(String) });
    expect((await own.gql(viewer, {}, { key: own.adminKey })).errors).toMatchObject([
      { message: "This API key was revoked." },
    ]);
    const key = rotateApiKey.secret;
    const next = await own.ask<Rotated>(rotate, { input: { keyId: rotateApiKey.apiKey.keyId } }, { key });
    const leftMs = Date.parse(next.rotateApiKey.former.expiresAt ?? "") - Date.now();
    expect(Math.abs(leftMs - 86_400_000)).toBeLessThan(60_000);
  });

  test("is for admins of the key, refuses other overlaps, and lets no key outlive the one that rotates it", async () => {
    const { keyId } = await server.makeKey({ name: "of beta", projectIds: ["beta"] });
    const until = new Date(Date.now() + 3_600_000);
    const mortal = await server.makeKey({ name: "mortal", role: "admin", expiresAt: until });
    const limited = await server.makeKey({ name: "limited", role: "admin", projectIds: ["alpha"] });
    const refusal = async (input: object, key: string) => {
      const { errors } = await server.gql(rotate, { input: { keyId, ...input } }, { key });
      return [errors?.[0]?.extensions["code"], errors?.[0]?.message];
    };
    expect(await refusal({}, server.agentKey)).toEqual(["FORBIDDEN", expect.any(String)]);
    expect(await refusal({}, limited.secret)).toEqual(["NOT_FOUND", expect.any(String)]);
    expect(await refusal({}, mortal.secret)).toEqual(["FORBIDDEN", expect.stringContaining(until.toISOString())]);
    for (const overlapSeconds of [-1, 30 * 86_400 + 1])
      expect(await refusal({ overlapSeconds }, server.adminKey)).toEqual([
        "BAD_USER_INPUT",
        `overlapSeconds must be from 0 to 2592000, which is 30 days; it is ${overlapSeconds}.`,
      ]);
    expect(await refusal({ overlapSeconds: 30 * 86_400 }, server.adminKey)).toEqual([undefined, undefined]);
    // Nothing of what was refused has been done.
    expect((await keyEvents(keyId)).map(({ event_type }) => event_type)).toEqual(["key.created", "key.rotated"]);
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
