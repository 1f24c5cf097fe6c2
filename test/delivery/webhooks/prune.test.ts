import { expect, it } from "vitest";
import { pruneDeliveries } from "../../../src/delivery/webhooks/prune.ts";
import { startWebhookTest } from "./webhook-test.ts";

it("takes delivered ones out after 30 days and dead ones after 90, with their attempts, a batch at a time", async () => {
  const t = await startWebhookTest();
  await t.create({ url: "http://127.0.0.1:9/" });
  await t.owner.query(
    `INSERT INTO webhook_deliveries (webhook_id, position, event_id, event_type, project_id, subject_type, subject_id, status, next_attempt_at, ended_at)
     SELECT webhook_id, n, gen_random_uuid(), 'task.updated', 'alpha', 'task', 'A', s,
       CASE WHEN s = 'pending' THEN docket_now() END, CASE WHEN s <> 'pending' THEN docket_now() END
     FROM webhooks, generate_series(1, 700) n,
       LATERAL (SELECT CASE WHEN n = 1 THEN 'pending' WHEN n <= 101 THEN 'dead' ELSE 'delivered' END AS s) status`,
  );
  await t.owner.query(
    `INSERT INTO webhook_attempts (webhook_id, position, attempt, started_at, duration_ms)
     SELECT webhook_id, position, 1, docket_now(), 5 FROM webhook_deliveries WHERE status <> 'pending'`,
  );
  const left = async () => {
    const { rows } = await t.owner.query<{ status: string; n: number }>(
      "SELECT status, count(*)::int AS n FROM webhook_deliveries GROUP BY status",
    );
    return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
  };
  await t.pass(29 * 86_400);
  expect(await pruneDeliveries(t.database)).toBe(false);
  expect(await left()).toEqual({ pending: 1, dead: 100, delivered: 599 });
  await t.pass(2 * 86_400);
  expect(await pruneDeliveries(t.database)).toBe(true);
  expect(await pruneDeliveries(t.database)).toBe(false);
  expect(await left()).toEqual({ pending: 1, dead: 100 });
  expect(await t.attempts()).toHaveLength(100);
  await t.pass(60 * 86_400);
  expect(await pruneDeliveries(t.database)).toBe(false);
  expect(await left()).toEqual({ pending: 1 });
});
