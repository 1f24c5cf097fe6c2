import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EVENT_TYPES } from "../../../src/event-types.ts";
import { expandTypes } from "../../../src/log/read/type-patterns.ts";
import { type Managed, startManaged } from "./managed.ts";

let managed: Managed;
beforeAll(async () => {
  managed = await startManaged({ keepOpen: true });
});
afterAll(() => managed.close());

const WEBHOOK =
  "webhookId url projectIds types pausedAt pauseReason oldSecretUntil actor createdBy pending dead behind";
const change = (verb: string, more = "") =>
  `mutation ($id: ID!) { answer: ${verb}(input: {webhookId: $id${more}}) { webhook { ${WEBHOOK} } replayed } }`;
const PAUSE = change("pauseWebhook");
const RESUME = change("resumeWebhook");
const DELETE = "mutation ($id: ID!) { deleteWebhook(input: {webhookId: $id}) { webhookId replayed } }";
const ROTATE = `mutation ($id: ID!, $now: Boolean) {
  rotateWebhookSecret(input: {webhookId: $id, endOldSecretNow: $now}) { secret webhook { oldSecretUntil } replayed } }`;
const ONE = `query ($id: ID!) { webhook(webhookId: $id) { ${WEBHOOK} } }`;
const LIST =
  "query ($first: Int, $after: String) { webhooks(first: $first, after: $after) { totalCount nodes { url } pageInfo { endCursor hasNextPage } } }";

interface Changed {
  readonly answer: { readonly webhook: Record<string, unknown>; readonly replayed: boolean };
}

/** Subjects of what is queued, in the order of the log. */
async function queued(webhookId: string): Promise<string[]> {
  const { rows } = await managed.owner.query<{ subject_id: string }>(
    "SELECT subject_id FROM webhook_deliveries WHERE webhook_id = $1 ORDER BY position",
    [webhookId],
  );
  return rows.map(({ subject_id }) => subject_id);
}

/** What the log tells of the webhook. */
async function logged(webhookId: string, type = "webhook.%") {
  await managed.owner.query("SELECT drain()");
  const { rows } = await managed.owner.query(
    `SELECT event_type, project_id, subject_type, subject_id, payload FROM events
     WHERE subject_id = $1 AND event_type LIKE $2 ORDER BY position`,
    [webhookId, type],
  );
  return rows;
}

describe("createWebhook", () => {
  it("makes a webhook as it was asked for, and shows a secret of Standard Webhooks this once", async () => {
    // What has happened to its projects is in the log by then, so that nothing is left to queue.
    await managed.owner.query("SELECT drain()");
    const input = {
      url: "https://hooks.example",
      projectIds: ["beta", "alpha", "beta"],
      types: ["task.completed", "ids.*", "ids.*"],
      idempotencyKey: "k1",
    };
    const { webhook, secret, replayed } = await managed.create(input);
    expect(replayed).toBe(false);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const now = new Date();
    const signature = new Webhook(secret ?? "").sign("id", now, "{}");
    expect(
      new Webhook(secret ?? "").verify("{}", {
        "webhook-id": "id",
        "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
        "webhook-signature": signature,
      }),
    ).toEqual({});
    expect(await managed.ask(ONE, { id: webhook.webhookId })).toEqual({
      webhook: {
        webhookId: webhook.webhookId,
        url: "https://hooks.example/",
        projectIds: ["alpha", "beta"],
        types: ["ids.*", "task.completed"],
        pausedAt: null,
        pauseReason: null,
        oldSecretUntil: null,
        actor: expect.stringMatching(/^dk_\w{8}\/admin$/),
        createdBy: expect.stringMatching(/^dk_\w{8}\/admin$/),
        pending: 0,
        dead: 0,
        behind: false,
      },
    });
    expect(await managed.create(input)).toEqual({ webhook, secret: null, replayed: true });
  });

  it("lets it begin where the log ends, and gives it what its projects and types select", async () => {
    await managed.addTask();
    await managed.owner.query("SELECT drain()");
    const alpha = (await managed.create({ projectIds: ["alpha"], types: ["task.*"] })).webhook.webhookId;
    const ids = (await managed.create({ types: ["ids.assigned"] })).webhook.webhookId;
    const everything = (await managed.create()).webhook.webhookId;
    const second = await managed.addTask();
    const third = await managed.addTask("beta");
    expect(await managed.ask(ONE, { id: alpha })).toMatchObject({ webhook: { behind: true, pending: 0 } });
    for (const webhookId of [alpha, ids, everything]) await managed.queue(webhookId);
    expect(await queued(alpha)).toEqual([second]);
    expect(await queued(ids)).toEqual([]);
    // The server's own events, such as that it was made, are for webhooks without a limit.
    expect(await queued(everything)).toEqual(expect.arrayContaining([everything, second, third]));
    expect(await managed.ask(ONE, { id: alpha })).toMatchObject({ webhook: { behind: false, pending: 1 } });
  });

  it.each([
    [{ url: "hooks.example" }, "BAD_USER_INPUT", /https \(or http\).*not "hooks.example"/],
    [{ url: "ftp://hooks.example" }, "BAD_USER_INPUT", /https \(or http\)/],
    [{ url: "https://user:word@hooks.example" }, "BAD_USER_INPUT", /user or password/],
    [{ url: "https://user@hooks.example" }, "BAD_USER_INPUT", /user or password/],
    [{ url: `https://hooks.example/${"x".repeat(2000)}` }, "BAD_USER_INPUT", /2022 characters; at most 2000/],
    [{ types: [] }, "BAD_USER_INPUT", /leave it out/],
    [
      { types: ["task.done"] },
      "BAD_USER_INPUT",
      /no event type "task.done". Use task.\*, .*task.completed.*task.updated\.$/,
    ],
    [{ types: ["Tasks.created"] }, "BAD_USER_INPUT", /Use task.\*/],
    [{ types: ["id.reserved"] }, "BAD_USER_INPUT", /Use ids.\*, .*ids.reserved/],
    [{ types: ["*"] }, "BAD_USER_INPUT", /Use ids.\*.*key.created.*task.\*.*webhook.\*/],
    [{ projectIds: [] }, "BAD_USER_INPUT", /leave it out/],
    [{ projectIds: ["alpha", "nowhere"] }, "PROJECT_NOT_FOUND", /nowhere/],
    [{ projectIds: ["alpha"], types: ["key.*"] }, "BAD_USER_INPUT", /belong to no project/],
  ])("refuses %o", async (input, code, message) => {
    const made = () =>
      managed.owner.query(
        "SELECT (SELECT count(*) FROM webhooks) webhooks, (SELECT count(*) FROM log_readers) readers",
      );
    const before = (await made()).rows;
    const errors = await managed.refused(
      "mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { replayed } }",
      {
        input: { url: "https://hooks.example", ...input },
      },
    );
    expect(errors).toMatchObject([{ message: expect.stringMatching(message), extensions: { code } }]);
    expect((await made()).rows).toEqual(before);
  });

  it("keeps its secrets in its own row alone, and no token of the receiver in the log", async () => {
    const { webhook, secret } = await managed.create({
      url: "https://hooks.example/in?token=t0ken",
      idempotencyKey: "secrets",
    });
    const id = webhook.webhookId;
    const rotated = await managed.ask<{ rotateWebhookSecret: { secret: string } }>(ROTATE, { id });
    await managed.ask(DELETE, { id });
    const events = await logged(id);
    expect(events.map(({ event_type, payload }) => [event_type, payload["url"]])).toEqual([
      ["webhook.created", "https://hooks.example/in"],
      ["webhook.secret_rotated", undefined],
      ["webhook.deleted", "https://hooks.example/in"],
    ]);
    const { rows } = await managed.owner.query(
      "SELECT (SELECT json_agg(i) FROM idempotency_keys i) replays, (SELECT json_agg(e) FROM events e) events",
    );
    const everything = JSON.stringify([rows, managed.server.logged]);
    for (const hidden of [secret, rotated.rotateWebhookSecret.secret, "t0ken"]) {
      expect(hidden).toEqual(expect.any(String));
      expect(everything).not.toContain(hidden);
    }
  });
});

describe("an admin that is limited to projects", () => {
  it("makes webhooks for those only, and sees and changes none that reaches further", async () => {
    const managed = await startManaged();
    const { secret: key } = await managed.server.makeKey({ role: "admin", projectIds: ["alpha"] });
    const own = await managed.create({ url: "https://own.example/", projectIds: ["alpha"] }, key);
    const wide = await managed.create({ url: "https://wide.example/", projectIds: ["alpha", "beta"] });
    const unlimited = await managed.create({ url: "https://unlimited.example/" });
    const make =
      'mutation ($ids: [ID!]) { createWebhook(input: {url: "https://h.example", projectIds: $ids}) { replayed } }';
    expect(await managed.refused(make, {}, key)).toMatchObject([
      { message: expect.stringContaining("limited to alpha"), extensions: { code: "FORBIDDEN" } },
    ]);
    expect(await managed.refused(make, { ids: ["alpha", "beta"] }, key)).toMatchObject([
      { extensions: { code: "PROJECT_NOT_FOUND", projectId: "beta" } },
    ]);
    expect(await managed.ask(LIST, {}, key)).toMatchObject({
      webhooks: { totalCount: 1, nodes: [{ url: "https://own.example/" }] },
    });
    expect(await managed.ask(PAUSE, { id: own.webhook.webhookId }, key)).toMatchObject({ answer: { replayed: false } });

    const absent = "00000000-0000-4000-8000-000000000000";
    const replay = change("replayWebhookDeliveries", ", allDead: true");
    for (const document of [ONE, PAUSE, RESUME, DELETE, ROTATE, replay])
      for (const id of [wide.webhook.webhookId, unlimited.webhook.webhookId, absent, "no-id"])
        expect(await managed.refused(document, { id }, key)).toMatchObject([
          {
            message: `Webhook ${id} not found. Query webhooks { nodes { webhookId url } } for those you see.`,
            extensions: { code: "NOT_FOUND", kind: "Webhook", id },
          },
        ]);
    expect(await managed.ask(LIST)).toMatchObject({ webhooks: { totalCount: 3 } });
  });

  it("is all that sees webhooks: agents and readers do not", async () => {
    const { server, create, refused } = managed;
    const id = (await create()).webhook.webhookId;
    for (const document of [ONE, "{ webhooks { nodes { webhookId } } }"])
      expect(await refused(document, { id }, server.agentKey)).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
  });
});

describe("pauseWebhook and resumeWebhook", () => {
  it("keep what happens meanwhile, and send what is pending at once", async () => {
    const id = (await managed.create({ projectIds: ["alpha"], types: ["task.*"] })).webhook.webhookId;
    const first = await managed.addTask();
    await managed.queue(id);
    await managed.owner.query(
      "UPDATE webhook_deliveries SET attempts = 3, next_attempt_at = docket_now() + interval '5 h' WHERE webhook_id = $1",
      [id],
    );
    const { answer } = await managed.ask<Changed>(PAUSE, { id });
    expect(answer).toMatchObject({
      webhook: { pausedAt: expect.any(String), pauseReason: null, pending: 1 },
      replayed: false,
    });
    expect((await managed.ask<Changed>(PAUSE, { id })).answer.webhook["pausedAt"]).toBe(answer.webhook["pausedAt"]);
    const second = await managed.addTask();
    await managed.owner.query("SELECT drain()");

    expect(await managed.ask(RESUME, { id })).toMatchObject({ answer: { webhook: { pausedAt: null, behind: true } } });
    expect(await managed.ask(RESUME, { id })).toMatchObject({ answer: { webhook: { pausedAt: null } } });
    const { rows } = await managed.owner.query(
      "SELECT attempts, next_attempt_at <= docket_now() AS due FROM webhook_deliveries WHERE webhook_id = $1",
      [id],
    );
    expect(rows).toEqual([{ attempts: 3, due: true }]);
    await managed.queue(id);
    expect(await queued(id)).toEqual([first, second]);
    const pausedAt = expect.any(String);
    expect((await logged(id)).map(({ event_type, payload }) => [event_type, payload])).toEqual([
      ["webhook.created", { url: "https://hooks.example/docket", projectIds: ["alpha"], types: ["task.*"] }],
      ["webhook.paused", { reason: null, changes: { pausedAt: { old: null, new: pausedAt } } }],
      ["webhook.resumed", { changes: { pausedAt: { old: pausedAt, new: null } } }],
    ]);
  });

  it("clear the reason why it paused by itself, and leave it while it is paused", async () => {
    const id = (await managed.create()).webhook.webhookId;
    await managed.owner.query(
      "UPDATE webhooks SET paused_at = docket_now(), pause_reason = 'It is gone (410)' WHERE webhook_id = $1",
      [id],
    );
    expect(await managed.ask(PAUSE, { id })).toMatchObject({
      answer: { webhook: { pauseReason: "It is gone (410)" } },
    });
    expect(await managed.ask(RESUME, { id })).toMatchObject({
      answer: { webhook: { pausedAt: null, pauseReason: null } },
    });
  });

  it("leave alone when a delivery of another webhook is tried again", async () => {
    const [one, other] = [await managed.create(), await managed.create()];
    await managed.addTask();
    for (const { webhook } of [one, other]) await managed.queue(webhook.webhookId);
    await managed.owner.query("UPDATE webhook_deliveries SET next_attempt_at = docket_now() + interval '5 h'");
    await managed.ask(PAUSE, { id: one.webhook.webhookId });
    await managed.ask(RESUME, { id: one.webhook.webhookId });
    const { rows } = await managed.owner.query(
      `SELECT DISTINCT webhook_id, next_attempt_at <= docket_now() AS due FROM webhook_deliveries
       WHERE webhook_id = ANY($1) ORDER BY due`,
      [[one, other].map(({ webhook }) => webhook.webhookId)],
    );
    expect(rows).toEqual([
      { webhook_id: other.webhook.webhookId, due: false },
      { webhook_id: one.webhook.webhookId, due: true },
    ]);
  });
});

describe("deleteWebhook", () => {
  const readersOf = (...webhookIds: string[]) => webhookIds.map((id) => `webhook:${id}`);

  it("takes its deliveries and its place in the log along, and nothing of others", async () => {
    const [one, other] = [await managed.create(), await managed.create()];
    await managed.addTask();
    for (const { webhook } of [one, other]) await managed.queue(webhook.webhookId);
    await managed.end(one.webhook.webhookId, "dead", 2);
    const [id, left] = [one.webhook.webhookId, other.webhook.webhookId];
    expect(await managed.ask(DELETE, { id })).toEqual({ deleteWebhook: { webhookId: id, replayed: false } });
    const { rows } = await managed.owner.query(
      `SELECT (SELECT json_agg(webhook_id) FROM webhooks WHERE webhook_id = ANY($1)) AS webhooks,
         (SELECT json_agg(reader) FROM log_readers WHERE reader = ANY($2)) AS readers,
         (SELECT json_agg(DISTINCT webhook_id) FROM webhook_deliveries WHERE webhook_id = ANY($1)) AS deliveries,
         (SELECT count(*)::int FROM webhook_attempts WHERE webhook_id = ANY($1)) AS attempts`,
      [[id, left], readersOf(id, left)],
    );
    expect(rows).toEqual([{ webhooks: [left], readers: readersOf(left), deliveries: [left], attempts: 0 }]);
    expect(await managed.refused(DELETE, { id })).toMatchObject([{ message: expect.stringContaining("not found") }]);
    expect((await logged(id, "webhook.deleted"))[0]).toMatchObject({
      project_id: "_server",
      subject_type: "webhook",
      subject_id: id,
      payload: { url: "https://hooks.example/docket", projectIds: null, types: null },
    });
  });

  it("may come while events are being queued", async () => {
    const created = await Promise.all(Array.from({ length: 8 }, () => managed.create()));
    for (let i = 0; i < 5; i++) await managed.addTask();
    const ids = created.map(({ webhook }) => webhook.webhookId);
    await Promise.all(ids.flatMap((id) => [managed.queue(id), managed.ask(DELETE, { id })]));
    const { rows } = await managed.owner.query(
      `SELECT (SELECT count(*)::int FROM webhook_deliveries WHERE webhook_id = ANY($1)) AS deliveries,
         (SELECT count(*)::int FROM log_readers WHERE reader = ANY($2)) AS readers`,
      [ids, readersOf(...ids)],
    );
    expect(rows).toEqual([{ deliveries: 0, readers: 0 }]);
  });
});

describe("rotateWebhookSecret", () => {
  const secrets = async (id: string) =>
    (await managed.owner.query("SELECT secret, previous_secret FROM webhooks WHERE webhook_id = $1", [id])).rows[0];

  it("gives a new secret, and lets the old one sign for another day", async () => {
    const { webhook, secret: old } = await managed.create();
    const id = webhook.webhookId;
    const { rotateWebhookSecret: rotated } = await managed.ask<{
      rotateWebhookSecret: { secret: string; webhook: { oldSecretUntil: string } };
    }>(ROTATE, { id });
    expect(rotated.secret).toMatch(/^whsec_/);
    expect(rotated.secret).not.toBe(old);
    expect(await secrets(id)).toEqual({ secret: rotated.secret, previous_secret: old });
    await managed.owner.pass(23 * 3600);
    expect(await managed.ask(ONE, { id })).toMatchObject({ webhook: rotated.webhook });
    await managed.owner.pass(3600);
    expect(await managed.ask(ONE, { id })).toMatchObject({ webhook: { oldSecretUntil: null } });
  });

  it("ends the old secret at once when it has leaked, and one from before in any case", async () => {
    const { webhook } = await managed.create();
    const rotate = async (now: boolean) =>
      (await managed.ask<{ rotateWebhookSecret: { secret: string } }>(ROTATE, { id: webhook.webhookId, now }))
        .rotateWebhookSecret.secret;
    const second = await rotate(false);
    const third = await rotate(false);
    expect(await secrets(webhook.webhookId)).toEqual({ secret: third, previous_secret: second });
    const fourth = await rotate(true);
    expect(await secrets(webhook.webhookId)).toEqual({ secret: fourth, previous_secret: null });
  });
});

it("lists webhooks in pages, newest first", async () => {
  const { create, ask } = await startManaged();
  for (const name of ["one", "two", "three"]) await create({ url: `https://${name}.example/` });
  interface Listed {
    readonly webhooks: { readonly nodes: { url: string }[]; readonly pageInfo: { endCursor: string } };
  }
  const first = await ask<Listed>(LIST, { first: 2 });
  expect(first).toMatchObject({
    webhooks: {
      totalCount: 3,
      nodes: [{ url: "https://three.example/" }, { url: "https://two.example/" }],
      pageInfo: { hasNextPage: true },
    },
  });
  expect(await ask(LIST, { first: 2, after: first.webhooks.pageInfo.endCursor })).toMatchObject({
    webhooks: { nodes: [{ url: "https://one.example/" }], pageInfo: { hasNextPage: false } },
  });
});

describe("the types of a webhook", () => {
  it("are single ones and those of whole nouns, each once", () => {
    expect(expandTypes(["key.*", "task.completed", "key.created"])).toEqual([
      "task.completed",
      "key.created",
      "key.revoked",
    ]);
    expect(expandTypes(["task.*"])).toEqual(EVENT_TYPES.filter((type) => type.startsWith("task.")));
    const nouns = new Set(EVENT_TYPES.map((type) => `${type.split(".")[0]}.*`));
    expect(expandTypes([...nouns])).toEqual([...EVENT_TYPES]);
  });
});
