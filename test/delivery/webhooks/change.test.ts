import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Changed, DELETE, loggedOf, ONE, PAUSE, queuedFor, RESUME, ROTATE } from "./documents.ts";
import { type Managed, startManaged } from "./managed.ts";

let managed: Managed;
beforeAll(async () => {
  managed = await startManaged({ keepOpen: true });
});
afterAll(() => managed.close());

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
    expect(await queuedFor(managed.owner, id)).toEqual([first, second]);
    const pausedAt = expect.any(String);
    expect((await loggedOf(managed.owner, id)).map(({ event_type, payload }) => [event_type, payload])).toEqual([
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
    expect((await loggedOf(managed.owner, id, "webhook.deleted"))[0]).toMatchObject({
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
