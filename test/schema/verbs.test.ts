import { expect, it } from "vitest";
import verbs from "../../schema/verbs.json" with { type: "json" };
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";
import { requests } from "./every-mutation.ts";

const declared = new Map(verbs.map((verb) => [verb.mutation, verb]));

/** Mutations that take no idempotency key, each with its reason. */
const WITHOUT_KEY: Readonly<Record<string, string>> = {};

/** Events that tell only of a time that was moved on. */
const OF_TIMES = "event_type NOT IN ('task.checkpointed', 'ids.extended')";

it("says of every mutation that it takes an idempotency key, or why not", () => {
  const without = verbs.filter(({ idempotencyKey }) => !idempotencyKey).map(({ mutation }) => mutation);
  expect(without).toEqual(Object.keys(WITHOUT_KEY));
});

it("calls idempotent what changes nothing when it is asked again without a key, and nothing else", async () => {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  const asking = { key: server.adminKey };
  const countEvents = async () => {
    await owner.query("SELECT drain()");
    return (await owner.query(`SELECT count(*)::int AS events FROM events WHERE ${OF_TIMES}`)).rows[0].events;
  };
  // What a webhook was sent has failed, so that there is something to replay.
  const fail = () =>
    owner.query(`INSERT INTO webhook_deliveries (webhook_id, position, event_id, event_type, project_id, subject_type,
        subject_id, status, ended_at)
      SELECT webhook_id, 1, gen_random_uuid(), 'task.created', 'alpha', 'task', 'TASK-001', 'dead', docket_now() FROM webhooks
      ON CONFLICT (webhook_id, position) DO UPDATE SET status = 'dead', next_attempt_at = NULL, ended_at = docket_now()`);
  for await (const { name, document, input } of requests(server, asking)) {
    const { idempotencyKey: _, ...once } = input;
    await fail();
    const first = await server.gql(document, { input: once }, asking);
    expect([name, first.errors]).toEqual([name, undefined]);
    const before = await countEvents();
    await fail();
    await server.gql(document, { input: once }, asking);
    expect([name, (await countEvents()) === before]).toEqual([name, declared.get(name)?.idempotent]);
  }
});

it("lets a key that is limited to other projects do nothing within a project, and nothing of the server", async () => {
  const server = await startTestServer();
  const limited = await server.makeKey({ role: "admin", projectIds: ["beta"] });
  for await (const { name, document, input } of requests(server, { key: server.adminKey })) {
    const { scope } = declared.get(name) ?? {};
    const refused = await server.gql(document, { input }, { key: limited.secret });
    const code = refused.errors?.[0]?.extensions["code"];
    if (scope === "project") expect([name, code]).toEqual([name, expect.stringMatching(/NOT_FOUND|EXPIRED/)]);
    if (scope === "server") expect([name, code]).toEqual([name, "FORBIDDEN"]);
    if (scope === "projects") expect([name, code]).toEqual([name, expect.any(String)]);
    await server.ask(document, { input }, { key: server.adminKey });
  }
});
