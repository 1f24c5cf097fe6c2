import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { change, DELETE, LIST, loggedOf, ONE, PAUSE, queuedFor, RESUME, ROTATE } from "./documents.ts";
import { type Managed, startManaged } from "./managed.ts";

let managed: Managed;
beforeAll(async () => {
  managed = await startManaged({ keepOpen: true });
});
afterAll(() => managed.close());

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
    expect(await queuedFor(managed.owner, alpha)).toEqual([second]);
    expect(await queuedFor(managed.owner, ids)).toEqual([]);
    // The server's own events, such as that it was made, are for webhooks without a limit.
    expect(await queuedFor(managed.owner, everything)).toEqual(expect.arrayContaining([everything, second, third]));
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
    [{ types: ["id.reserved"] }, "BAD_USER_INPUT", /Use .*ids.\*, .*ids.reserved/],
    [{ types: ["*"] }, "BAD_USER_INPUT", /Use .*ids.\*.*key.created.*task.\*.*webhook.\*/],
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
    const events = await loggedOf(managed.owner, id);
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
