import { getNamedType, isInputObjectType, isObjectType } from "graphql";
import { describe, expect, it } from "vitest";
import { schema } from "../../schema/index.ts";
import { testIssuer } from "../support/issuer.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";
import { EXAMPLES, requests, typeNameOf } from "./every-mutation.ts";

const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});

describe("every mutation", () => {
  it("takes one input named after it with an idempotencyKey, and says in its payload whether it was replayed", () => {
    expect(mutations.length).toBeGreaterThan(0);
    for (const { name, args, type } of mutations) {
      expect(args.map((arg) => `${arg.name}: ${arg.type}`)).toEqual([`input: ${typeNameOf(name)}Input!`]);
      const input = args[0] && getNamedType(args[0].type);
      const payload = getNamedType(type);
      expect(String(type)).toBe(`${typeNameOf(name)}Payload`);
      expect([name, String(isInputObjectType(input) && input.getFields()["idempotencyKey"]?.type)]).toEqual([
        name,
        "String",
      ]);
      expect([name, String(isObjectType(payload) && payload.getFields()["replayed"]?.type)]).toEqual([
        name,
        "Boolean!",
      ]);
    }
  });

  it("does its work once for one idempotency key, and refuses the key for another request", async () => {
    expect(Object.keys(EXAMPLES).toSorted()).toEqual(mutations.map(({ name }) => name).toSorted());
    // Without jobs: a webhook to an address that does not exist would add events of its own.
    const server = await startTestServer({ env: { DOCKET_JOBS: "none" } });
    const owner = await connectOwner(server.test);
    const asking = { key: server.adminKey };
    const countEvents = async () => {
      await owner.query("SELECT drain()");
      return (await owner.query("SELECT count(*)::int AS events FROM events")).rows;
    };
    for await (const { name, document, input } of requests(server, asking)) {
      const first = await server.gql(document, { input }, asking);
      expect([name, first]).toEqual([name, { data: { [name]: { replayed: false } } }]);
      const before = await countEvents();
      const again = await server.gql(document, { input }, asking);
      expect([name, again]).toEqual([name, { data: { [name]: { replayed: true } } }]);
      expect([name, await countEvents()]).toEqual([name, before]);

      const other = await server.gql(
        'mutation ($key: String!) { createApiKey(input: {name: "another request", role: READER, idempotencyKey: $key}) { replayed } }',
        { key: input["idempotencyKey"] },
        asking,
      );
      expect([name, other.errors?.[0]?.extensions["code"]]).toEqual([name, "IDEMPOTENCY_KEY_REUSED"]);
    }
  });

  it("gives its first answer again only to a caller who may see now what it tells of", async () => {
    const issuer = testIssuer();
    const server = await startTestServer({ env: { ...issuer.env, DOCKET_JOBS: "none" } });
    const unlimited = { key: await issuer.token({ docket_role: "admin" }) };
    const refused = [
      { key: await issuer.token({ docket_role: "admin", docket_projects: ["beta"] }) },
      { key: await issuer.token({ docket_role: "reader" }) },
    ];
    for await (const { name, document, input } of requests(server, unlimited)) {
      const first = await server.gql(document, { input }, unlimited);
      expect([name, first.errors]).toEqual([name, undefined]);
      for (const asking of refused) {
        const again = await server.gql(document, { input }, asking);
        expect([name, again]).toEqual([
          name,
          {
            data: { [name]: null },
            errors: [
              expect.objectContaining({
                extensions: expect.objectContaining({ code: expect.stringMatching(/^(FORBIDDEN|PROJECT_NOT_FOUND)$/) }),
              }),
            ],
          },
        ]);
      }
      expect(await server.gql(document, { input }, unlimited)).toEqual({ data: { [name]: { replayed: true } } });
    }
  });
});

describe("the header Idempotency-Key", () => {
  const headers = { "idempotency-key": "h1" };
  const next = (alias: string, more = "") =>
    `${alias}: takeId(input: {projectId: "alpha", artifactType: "US"${more}}) { id replayed }`;

  it("stands for one key per response path, so that two aliases are two requests", async () => {
    const { ask } = await startTestServer();
    await ask('mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }');
    const both = `mutation { ${next("a")} ${next("b")} }`;
    expect(await ask(both, {}, { headers })).toEqual({
      a: { id: "US-001", replayed: false },
      b: { id: "US-002", replayed: false },
    });
    // In another order, and with one that is new.
    expect(await ask(`mutation { ${next("c")} ${next("b")} ${next("a")} }`, {}, { headers })).toEqual({
      a: { id: "US-001", replayed: true },
      b: { id: "US-002", replayed: true },
      c: { id: "US-003", replayed: false },
    });
    expect(await ask(both, {}, { headers: { "idempotency-key": "h2" } })).toMatchObject({ a: { replayed: false } });
    expect(await ask(both)).toMatchObject({ a: { replayed: false }, b: { replayed: false } });
  });

  it("gives way to a key in the input, and is refused for another request under the same path", async () => {
    const { ask, gql } = await startTestServer();
    await ask('mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }');
    const keyed = `mutation { ${next("a", ', idempotencyKey: "k1"')} }`;
    expect(await ask(keyed, {}, { headers })).toEqual({ a: { id: "US-001", replayed: false } });
    expect(await ask(keyed)).toEqual({ a: { id: "US-001", replayed: true } });
    expect(await ask(`mutation { ${next("a")} }`, {}, { headers })).toEqual({ a: { id: "US-002", replayed: false } });
    const { errors } = await gql(`mutation { ${next("a", ', branch: "other"')} }`, {}, { headers });
    expect(errors?.[0]?.extensions["code"]).toBe("IDEMPOTENCY_KEY_REUSED");
  });
});
