import { getNamedType, isInputObjectType, isObjectType } from "graphql";
import { describe, expect, it } from "vitest";
import { schema } from "../../schema/index.ts";
import { testIssuer } from "../support/issuer.ts";
import { connectOwner } from "../support/owner.ts";
import { type Asking, startTestServer, type TestServer } from "../support/server.ts";

const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});

/** Stands for the id of something that is made just before. */
const NEW = "new";

/** What each mutation is sent, in an order in which all succeed; one that is missing here fails the test. */
const INPUTS: Readonly<Record<string, object>> = {
  createProject: { projectId: "alpha", name: "Alpha" },
  updateProject: { projectId: "alpha", name: "New name" },
  addTasks: { projectId: "alpha", tasks: [1, 2, 3, 4].map((i) => ({ description: `work ${i}` })) },
  updateTask: { taskId: "TASK-001", title: "New title" },
  claimNextTask: { projectId: "alpha" },
  renewTaskLease: { taskId: "TASK-001", checkpoint: { step: 1 } },
  completeAndClaimNext: { taskId: "TASK-001" },
  releaseTask: { taskId: "TASK-002" },
  updateTaskStatus: { taskId: "TASK-003", status: "IN_PROGRESS" },
  deleteTask: { taskId: "TASK-004" },
  reserveIds: { projectId: "alpha", artifactType: "US", count: 3 },
  extendReservation: { reservationId: NEW, ttlSeconds: 3600 },
  confirmReservation: { reservationId: NEW },
  releaseReservation: { reservationId: NEW },
  takeId: { projectId: "alpha", artifactType: "US" },
  nextId: { projectId: "alpha", artifactType: "US" },
  registerIds: { projectId: "alpha", ids: ["US-100"] },
  voidIds: { projectId: "alpha", artifactType: "US", ids: ["US-100"], reason: "a slip" },
  createApiKey: { name: "key", role: "READER" },
  revokeApiKey: { keyId: NEW },
  createWebhook: { url: "https://hooks.example/" },
  pauseWebhook: { webhookId: NEW },
  resumeWebhook: { webhookId: NEW },
  rotateWebhookSecret: { webhookId: NEW },
  replayWebhookDeliveries: { webhookId: NEW, allDead: true },
  deleteWebhook: { webhookId: NEW },
  archiveProject: { projectId: "alpha" },
  unarchiveProject: { projectId: "alpha" },
};

const nameOf = (type: string) => (type[0] ?? "").toUpperCase() + type.slice(1);

/** Each mutation with its input and an idempotency key, to be sent before the next one is asked for. */
async function* requests(server: TestServer, asking: Asking) {
  const reserve = async () => {
    const { reserveIds } = await server.ask<{ reserveIds: { reservation: { reservationId: string } } }>(
      'mutation { reserveIds(input: {projectId: "alpha", artifactType: "US", count: 3}) { reservation { reservationId } } }',
      {},
      asking,
    );
    return reserveIds.reservation.reservationId;
  };
  const makeWebhook = async () => {
    const { createWebhook } = await server.ask<{ createWebhook: { webhook: { webhookId: string } } }>(
      'mutation { createWebhook(input: {url: "https://hooks.example/"}) { webhook { webhookId } } }',
      {},
      asking,
    );
    return createWebhook.webhook.webhookId;
  };
  for (const [name, given] of Object.entries(INPUTS)) {
    const input: Record<string, unknown> = { ...given, idempotencyKey: `key of ${name}` };
    if ("reservationId" in input) input["reservationId"] = await reserve();
    if ("webhookId" in input) input["webhookId"] = await makeWebhook();
    if ("keyId" in input) input["keyId"] = (await server.makeKey({})).keyId;
    yield { name, input, document: `mutation ($input: ${nameOf(name)}Input!) { ${name}(input: $input) { replayed } }` };
  }
}

describe("every mutation", () => {
  it("takes one input named after it with an idempotencyKey, and says in its payload whether it was replayed", () => {
    expect(mutations.length).toBeGreaterThan(0);
    for (const { name, args, type } of mutations) {
      expect(args.map((arg) => `${arg.name}: ${arg.type}`)).toEqual([`input: ${nameOf(name)}Input!`]);
      const input = args[0] && getNamedType(args[0].type);
      const payload = getNamedType(type);
      expect(String(type)).toBe(`${nameOf(name)}Payload`);
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
    expect(Object.keys(INPUTS).toSorted()).toEqual(mutations.map(({ name }) => name).toSorted());
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
