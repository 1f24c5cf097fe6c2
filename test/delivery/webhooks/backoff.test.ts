import { expect, it } from "vitest";
import { pauseAfter } from "../../../src/delivery/webhooks/outcome.ts";
import { pauseWebhook } from "../../../src/delivery/webhooks/pause.ts";
import { replayWebhookDeliveries } from "../../../src/delivery/webhooks/replay.ts";
import { resumeWebhook } from "../../../src/delivery/webhooks/resume.ts";
import { contextOf } from "../../log/test-log.ts";
import { eventually } from "../../support/eventually.ts";
import { numbersBySubject, ok, startEndpoint, status } from "./endpoint.ts";
import { startWebhookTest, type WebhookTest } from "./webhook-test.ts";

/** Lets pauses pass, but no attempt under way, until `reached` holds. */
async function waitOut(t: WebhookTest, reached: () => Promise<void>): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await t.owner.query<{ wait: number | null }>(
        `SELECT max(extract(epoch FROM d.next_attempt_at - docket_now()))::float AS wait FROM webhook_deliveries d
         WHERE attempts > 0 AND attempts = (
           SELECT max(attempt) FROM webhook_attempts a WHERE (a.webhook_id, a.position) = (d.webhook_id, d.position))`,
      );
      await t.pass(Math.max(rows[0]?.wait ?? 0, 0));
      await reached();
    },
    { timeout: 50_000, interval: 100 },
  );
}

it("waits three times as long after each failure, six hours at most, each time a fifth more or less", () => {
  const waits = Array.from({ length: 13 }, (_, i) => pauseAfter(i + 1, 0, () => 0.5));
  expect(waits.slice(0, 8)).toEqual([5, 15, 45, 135, 405, 1_215, 3_645, 10_935].map((wait) => expect.closeTo(wait)));
  expect(waits.slice(8)).toEqual(Array(5).fill(21_600));
  expect([pauseAfter(2, 0, () => 0), pauseAfter(2, 0, () => 1)]).toEqual([expect.closeTo(12), expect.closeTo(18)]);
  // A replay begins anew.
  expect(pauseAfter(15, 0, () => 0.5)).toBeCloseTo(5);
});

it("gives a delivery up after fourteen attempts; the task's later events go on, and it can be replayed", async () => {
  const t = await startWebhookTest();
  const endpoint = await startEndpoint(status(500));
  const { webhookId } = await t.create({ url: endpoint.url });
  await t.run();
  await t.happen("A", "A");
  endpoint.answer = (response, one, request) => {
    const fails = one.event.id === endpoint.received[0]?.event.id;
    (fails ? status(500) : ok)(response, one, request);
  };
  await waitOut(t, async () =>
    expect(await t.deliveries()).toMatchObject([
      { status: "dead", attempts: 14 },
      { status: "delivered", attempts: 1 },
    ]),
  );
  const ids = endpoint.received.map(({ event }) => event.id);
  expect(ids.slice(0, 14)).toEqual(Array(14).fill(ids[0]));
  expect(ids).toHaveLength(15);

  // A replay that fails as well is tried on, from the shortest pause again.
  endpoint.answer = status(500);
  await replayWebhookDeliveries(contextOf(t.database), { webhookId, allDead: true });
  await eventually(async () => expect(await t.attempts()).toHaveLength(16));
  const [{ status: now, wait } = { status: "", wait: null }] = await t.deliveries();
  expect(now).toBe("pending");
  expect(wait).toBeLessThanOrEqual(6);
  endpoint.answer = ok;
  await t.pass(6);
  await eventually(async () => expect(await t.deliveries()).toMatchObject([{ status: "delivered", attempts: 16 }, {}]));
});

it("waits as long as an endpoint asks when it is overloaded, within six hours, and no other", async () => {
  const t = await startWebhookTest();
  const date = new Date("2020-01-01T00:00:00Z");
  const asked: Record<string, [code: number, headers: Record<string, string>, least: number, most: number]> = {
    seconds: [429, { "retry-after": "120" }, 100, 120],
    // By the endpoint's own clock, which may be wrong.
    instant: [
      503,
      { date: date.toUTCString(), "retry-after": new Date(date.getTime() + 300_000).toUTCString() },
      280,
      300,
    ],
    shorter: [503, { "retry-after": "1" }, 0, 6],
    longer: [503, { "retry-after": "999999999999" }, 21_500, 21_600],
    nonsense: [429, { "retry-after": "soon" }, 0, 6],
    otherwise: [500, { "retry-after": "120" }, 0, 6],
  };
  const endpoint = await startEndpoint((response, one, request) => {
    const [code, headers] = asked[one.event.data.subjectId] ?? [200, {}];
    status(code, headers)(response, one, request);
  });
  await t.create({ url: endpoint.url });
  // Only the first attempts count.
  const job = await t.run();
  await t.happen(...Object.keys(asked));
  await eventually(async () => expect((await t.attempts()).length).toBeGreaterThanOrEqual(6));
  await job.close();
  const waits = Object.fromEntries(
    (await t.deliveries()).map(({ subject_id, attempts, wait }) => [subject_id, { attempts, wait }]),
  );
  for (const [subject, [, , least, most]] of Object.entries(asked)) {
    const { wait, attempts } = waits[subject] ?? { wait: null, attempts: 0 };
    if (attempts > 1) continue;
    expect(wait, subject).toBeLessThanOrEqual(most);
    expect(wait, subject).toBeGreaterThan(least - 20);
  }
});

it("pauses a webhook whose endpoint is gone, says why, and sends everything after it is resumed", async () => {
  const t = await startWebhookTest();
  const endpoint = await startEndpoint(status(410));
  const watching = await startEndpoint();
  const { webhookId } = await t.create({ url: endpoint.url });
  await t.create({ url: watching.url, types: ["webhook.paused", "task.*"] });
  await t.run();
  await t.happen("A", "A");
  await eventually(() => expect(watching.received).toHaveLength(3));
  const paused = watching.received.find(({ event }) => event.type === "webhook.paused");
  expect(paused?.event).toMatchObject({
    source: "/server",
    subject: `webhook/${webhookId}`,
    data: { actor: "server", payload: { reason: "The endpoint is gone for good (410)." } },
  });
  const { rows } = await t.owner.query("SELECT pause_reason, paused_at FROM webhooks WHERE webhook_id = $1", [
    webhookId,
  ]);
  expect(rows).toEqual([{ pause_reason: "The endpoint is gone for good (410).", paused_at: expect.any(Date) }]);

  endpoint.answer = ok;
  await t.pass(60);
  await t.happen("A", "B");
  await eventually(() => expect(watching.received).toHaveLength(5));
  expect(endpoint.received).toHaveLength(1);
  await resumeWebhook(contextOf(t.database), { webhookId });
  await eventually(() => expect(endpoint.received).toHaveLength(5));
  expect(numbersBySubject(endpoint.received).get("/projects/alpha task/A")).toHaveLength(3);
});

it("sends a paused webhook nothing, and everything in order after it is resumed", async () => {
  const t = await startWebhookTest();
  const endpoint = await startEndpoint();
  const other = await startEndpoint();
  const { webhookId } = await t.create({ url: endpoint.url });
  await t.create({ url: other.url });
  await t.run();
  await t.happen("A");
  await eventually(() => expect(endpoint.received).toHaveLength(1));
  await pauseWebhook(contextOf(t.database), { webhookId });
  await t.happen(...Array.from({ length: 20 }, (_, i) => `T-${i % 3}`));
  await eventually(() => expect(other.received).toHaveLength(21));
  expect(endpoint.received).toHaveLength(1);
  await resumeWebhook(contextOf(t.database), { webhookId });
  await eventually(() => expect(endpoint.received).toHaveLength(21));
  for (const numbers of numbersBySubject(endpoint.received).values())
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
});

it("says so when the log no longer has the event, and goes on", async () => {
  const t = await startWebhookTest();
  const endpoint = await startEndpoint();
  await t.create({ url: endpoint.url });
  await t.owner.query(
    `INSERT INTO webhook_deliveries (webhook_id, position, event_id, event_type, project_id, subject_type, subject_id, next_attempt_at)
     SELECT webhook_id, 0, gen_random_uuid(), 'task.updated', 'alpha', 'task', 'A', docket_now() FROM webhooks`,
  );
  await t.run();
  await t.happen("A");
  await eventually(async () =>
    expect(await t.deliveries()).toMatchObject([{ status: "dead" }, { status: "delivered" }]),
  );
  expect(await t.attempts()).toMatchObject([{ error: "The event is no longer in the log." }, { status_code: 204 }]);
});
