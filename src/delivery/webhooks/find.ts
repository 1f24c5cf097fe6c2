import { type Context, requireRole } from "../../access/viewer.ts";
import { within } from "../../access/visibility.ts";
import type { Db } from "../../db/database.ts";
import { isUuid } from "../../db/storable.ts";
import { notFound } from "../../errors.ts";
import { WEBHOOK, type Webhook } from "./webhook.ts";

/** The webhooks of these ids that the viewer administers; nothing for anyone but an admin. */
export async function findWebhooks({ db, viewer }: Context, webhookIds: readonly string[]): Promise<Webhook[]> {
  if (viewer.role !== "admin") return [];
  return await db.read<Webhook>(
    `SELECT ${WEBHOOK.select()} FROM webhooks w WHERE webhook_id = ANY ($1::uuid[]) AND ${within(2)}`,
    [webhookIds.filter(isUuid), viewer.projectIds],
  );
}

/**
 * A webhook that the viewer administers; null when there is none.
 * @throws FORBIDDEN for anyone but an admin.
 */
export async function findWebhook(ctx: Context, webhookId: string): Promise<Webhook | null> {
  requireRole(ctx.viewer, "admin");
  const [webhook] = await findWebhooks(ctx, [webhookId]);
  return webhook ?? null;
}

/** The same for a caller who names it. @throws FORBIDDEN; NOT_FOUND when there is none. */
export async function requireWebhook(ctx: Context, webhookId: string): Promise<Webhook> {
  const webhook = await findWebhook(ctx, webhookId);
  if (!webhook) throw notFound("Webhook", webhookId);
  return webhook;
}

/** The webhooks of these ids, whoever asks, in their order; null where there is none. */
export async function webhooksNow(db: Db, webhookIds: readonly string[]): Promise<(Webhook | null)[]> {
  const rows = await db.read<Webhook>(
    `SELECT ${WEBHOOK.select()} FROM webhooks w WHERE webhook_id = ANY ($1::uuid[])`,
    [webhookIds],
  );
  const found = new Map(rows.map((webhook) => [webhook.webhookId, webhook]));
  return webhookIds.map((id) => found.get(id) ?? null);
}
