import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Managed, startManaged } from "./managed.ts";

let managed: Managed;
beforeAll(async () => {
  managed = await startManaged({ keepOpen: true });
});
afterAll(() => managed.close());

const REPLAY = `mutation ($input: ReplayWebhookDeliveriesInput!) { replayWebhookDeliveries(input: $input) {
  deliveries deadLeft replayed webhook { pending dead } } }`;

interface Row {
  readonly event_id: string;
  readonly status: string;
  readonly attempts: number;
  readonly due: boolean | null;
}

/** Oldest first. */
async function deliveries(webhookId: string): Promise<Row[]> {
  const { rows } = await managed.owner.query<Row>(
    `SELECT event_id, status, attempts, next_attempt_at <= docket_now() AS due FROM webhook_deliveries
     WHERE webhook_id = $1 ORDER BY position`,
    [webhookId],
  );
  return rows;
}

async function replayEvents(...webhookIds: string[]): Promise<Record<string, unknown>[]> {
  await managed.owner.query("SELECT drain()");
  const { rows } = await managed.owner.query(
    `SELECT subject_id, payload FROM events
     WHERE event_type = 'webhook.deliveries_replayed' AND subject_id = ANY($1) ORDER BY position`,
    [webhookIds],
  );
  return rows;
}

/** A webhook to which so many tasks are queued. */
async function withTasks(count: number): Promise<string> {
  const { webhookId } = (await managed.create({ types: ["task.created"] })).webhook;
  for (let i = 0; i < count; i++) await managed.addTask();
  await managed.queue(webhookId);
  return webhookId;
}

describe("replayWebhookDeliveries", () => {
  it("makes every dead letter due at once, and lets its attempts count on", async () => {
    const webhookId = await withTasks(3);
    await managed.end(webhookId, "dead", 14);
    const untouched = await withTasks(1);
    await managed.end(untouched, "dead", 14);
    const input = { webhookId, allDead: true, idempotencyKey: "k1" };
    const answer = { deliveries: 3, deadLeft: 0, replayed: false, webhook: { pending: 3, dead: 0 } };
    expect(await managed.ask(REPLAY, { input })).toEqual({ replayWebhookDeliveries: answer });
    expect(await deliveries(webhookId)).toMatchObject(
      [1, 2, 3].map(() => ({ status: "pending", attempts: 14, due: true })),
    );
    expect(await deliveries(untouched)).toMatchObject([{ status: "dead" }]);
    expect(
      (await managed.owner.query("SELECT FROM webhook_attempts WHERE webhook_id = $1", [webhookId])).rowCount,
    ).toBe(42);

    await managed.end(webhookId, "dead", 28);
    expect(await managed.ask(REPLAY, { input })).toEqual({
      replayWebhookDeliveries: { ...answer, replayed: true, webhook: { pending: 0, dead: 3 } },
    });
    expect(await deliveries(webhookId)).toMatchObject([1, 2, 3].map(() => ({ status: "dead" })));
    expect(await replayEvents(webhookId)).toEqual([
      { subject_id: webhookId, payload: { deliveries: 3, allDead: true } },
    ]);
  });

  it("sends again by event what was delivered or is dead, and leaves what is pending as it is", async () => {
    const webhookId = await withTasks(4);
    const [first, second, third, fourth] = (await deliveries(webhookId)).map(({ event_id }) => event_id);
    await managed.end(webhookId, "delivered", 1, first);
    await managed.end(webhookId, "dead", 2, second);
    await managed.end(webhookId, "delivered", 1, fourth);
    await managed.owner.query(
      "UPDATE webhook_deliveries SET next_attempt_at = docket_now() + interval '5 h' WHERE event_id = $1",
      [third],
    );
    const input = { webhookId, eventIds: [first, second?.toUpperCase(), third, first] };
    expect(await managed.ask(REPLAY, { input })).toMatchObject({
      replayWebhookDeliveries: { deliveries: 2, deadLeft: 0, webhook: { pending: 3, dead: 0 } },
    });
    expect(await deliveries(webhookId)).toEqual([
      { event_id: first, status: "pending", attempts: 14, due: true },
      { event_id: second, status: "pending", attempts: 14, due: true },
      { event_id: third, status: "pending", attempts: 0, due: false },
      { event_id: fourth, status: "delivered", attempts: 1, due: null },
    ]);
    expect(await replayEvents(webhookId)).toMatchObject([{ payload: { deliveries: 2, allDead: false } }]);
  });

  it("takes the 1,000 oldest dead letters at once, and says how many are left", async () => {
    const webhookId = await withTasks(1);
    await managed.owner.query(
      `INSERT INTO webhook_deliveries (webhook_id, position, event_id, event_type, project_id, subject_type, subject_id, status, ended_at)
       SELECT webhook_id, position + n, gen_random_uuid(), event_type, project_id, subject_type, subject_id, 'dead', docket_now()
       FROM webhook_deliveries CROSS JOIN generate_series(1, 1002) n WHERE webhook_id = $1`,
      [webhookId],
    );
    const input = { webhookId, allDead: true };
    const replay = () => managed.ask(REPLAY, { input });
    expect(await replay()).toMatchObject({ replayWebhookDeliveries: { deliveries: 1000, deadLeft: 2 } });
    const states = (await deliveries(webhookId)).map(({ status }) => status);
    expect(states.slice(0, 1001)).toEqual(Array.from({ length: 1001 }, () => "pending"));
    expect(states.slice(1001)).toEqual(["dead", "dead"]);
    expect(await replay()).toMatchObject({ replayWebhookDeliveries: { deliveries: 2, deadLeft: 0 } });
    expect(await replay()).toMatchObject({ replayWebhookDeliveries: { deliveries: 0, deadLeft: 0 } });
    // Nothing was sent again by the last one, so there is nothing to tell.
    expect(await replayEvents(webhookId)).toHaveLength(2);
  });

  it("sends nothing again when one of the events is not in the delivery log of this webhook", async () => {
    const webhookId = await withTasks(1);
    await managed.end(webhookId, "dead");
    const [{ event_id: known } = { event_id: "" }] = await deliveries(webhookId);
    const elsewhere = await withTasks(1);
    const [{ event_id: foreign } = { event_id: "" }] = await deliveries(elsewhere);
    for (const unknown of [foreign, "00000000-0000-4000-8000-000000000000", "nothing"])
      expect(await managed.refused(REPLAY, { input: { webhookId, eventIds: [known, unknown] } })).toMatchObject([
        {
          message: expect.stringContaining(`event ${unknown} `),
          extensions: { code: "NOT_FOUND", kind: "WebhookDelivery", id: unknown },
        },
      ]);
    expect(await deliveries(webhookId)).toMatchObject([{ status: "dead" }]);
    expect(await replayEvents(webhookId, elsewhere)).toEqual([]);
  });

  it.each([
    [{}, /eventIds, or say allDead: true/],
    [{ allDead: false }, /one of the two/],
    [{ allDead: true, eventIds: ["00000000-0000-4000-8000-000000000000"] }, /one of the two/],
    [{ eventIds: [] }, /1 to 1000 deliveries, not 0/],
    [{ eventIds: Array.from({ length: 1001 }, (_, i) => String(i)) }, /1 to 1000 deliveries, not 1001/],
  ])("refuses a choice such as %o", async (choice, message) => {
    const webhookId = await withTasks(0);
    expect(await managed.refused(REPLAY, { input: { webhookId, ...choice } })).toMatchObject([
      { message: expect.stringMatching(message), extensions: { code: "BAD_USER_INPUT" } },
    ]);
  });
});
