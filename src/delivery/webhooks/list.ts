import { listAdministered } from "../../access/administered.ts";
import type { Context } from "../../access/viewer.ts";
import type { Db } from "../../db/database.ts";
import { ordersOf } from "../../db/order.ts";
import type { PageArgs } from "../../db/page.ts";
import { HAS_MORE, WEBHOOK, type Webhook, WITH_PLACE } from "./webhook.ts";

const orderOf = ordersOf(
  "webhooks",
  { sql: "webhook_id", type: "uuid" },
  {
    createdAt: [{ sql: "created_at", type: "timestamptz" }],
    url: [{ sql: "url", type: "text" }],
  },
);
export type WebhookOrder = Parameters<typeof orderOf>[0];
export const NEWEST_WEBHOOKS: WebhookOrder = { field: "createdAt", direction: "DESC" };

/**
 * A page of the webhooks that the viewer administers, newest first unless told.
 * @throws FORBIDDEN for anyone but an admin; BAD_USER_INPUT for a bad page.
 */
export const listWebhooks = (
  ctx: Context,
  { orderBy, ...page }: PageArgs & { readonly orderBy?: WebhookOrder | null | undefined },
) =>
  listAdministered<Webhook>(ctx, { from: "webhooks w", columns: WEBHOOK }, orderOf(orderBy ?? NEWEST_WEBHOOKS), page);

/** How far a webhook has come, and what else of it changes by itself. */
export interface Progress {
  readonly pending: number;
  readonly dead: number;
  /** The log holds events of its projects that are not queued yet. */
  readonly behind: boolean;
  /** Until when the secret before the last rotation signs too; null: it does not. */
  readonly oldSecretUntil: Date | null;
}

/** One statement for any number of webhooks; null for one that is deleted. */
export async function progressOf(db: Db, webhookIds: readonly string[]): Promise<(Progress | null)[]> {
  const rows = await db.read<Progress & { webhookId: string }>(
    `SELECT w.webhook_id AS "webhookId", coalesce(c.pending, 0) AS pending, coalesce(c.dead, 0) AS dead,
       ${HAS_MORE} AS behind,
       CASE WHEN w.previous_secret_until > docket_now() THEN w.previous_secret_until END AS "oldSecretUntil"
     FROM ${WITH_PLACE} LEFT JOIN (
       SELECT webhook_id, count(*) FILTER (WHERE status = 'pending')::int AS pending,
         count(*) FILTER (WHERE status = 'dead')::int AS dead
       FROM webhook_deliveries WHERE webhook_id = ANY ($1::uuid[]) AND status IN ('pending', 'dead')
       GROUP BY webhook_id) c USING (webhook_id)
     WHERE w.webhook_id = ANY ($1::uuid[])`,
    [webhookIds],
  );
  const found = new Map(rows.map((row) => [row.webhookId, row]));
  return webhookIds.map((webhookId) => found.get(webhookId) ?? null);
}
