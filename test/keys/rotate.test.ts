import { describe, expect, test } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { openSession } from "../../src/keys/sign-in.ts";
import { passTime } from "../support/owner.ts";
import { type Asking, startTestServer } from "../support/server.ts";
import { keyEvents } from "./key-events.ts";

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
const viewer = "{ viewer { actor name role projectIds } }";

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
    const server = await startTestServer();
    const create = (id: string) => `${id}: createProject(input: {projectId: "${id}", name: "P"}) { replayed }`;
    await server.ask(`mutation { ${["alpha", "beta"].map(create).join(" ")} }`);
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
    expect((await keyEvents(server, keyId)).map(({ event_type }) => event_type)).toEqual([
      "key.created",
      "key.rotated",
    ]);
  });
});
