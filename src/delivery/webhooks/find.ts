import { type Context, requireRole } from "../../access/viewer.ts";
import { within } from "../../access/visibility.ts";
import { isUuid } from "../../db/storable.ts";
import { notFound } from "../../errors.ts";
import { WEBHOOK_COLUMNS, type Webhook } from "./webhook.ts";

/**
 * A webhook that the viewer administers; null when there is none.
 * @throws FORBIDDEN for anyone but an admin.
 */
export async function findWebhook({ db, viewer }: Context, webhookId: string): Promise<Webhook | null> {
  requireRole(viewer, "admin");
  if (!isUuid(webhookId)) return null;
  const [webhook] = await db.read<Webhook>(
    `SELECT ${WEBHOOK_COLUMNS} FROM webhooks WHERE webhook_id = $1 AND ${within(2)}`,
    [webhookId, viewer.projectIds],
  );
  return webhook ?? null;
}

/** The same for a caller who names it. @throws FORBIDDEN; NOT_FOUND when there is none. */
export async function requireWebhook(ctx: Context, webhookId: string): Promise<Webhook> {
  const webhook = await findWebhook(ctx, webhookId);
  if (!webhook) throw notFound("Webhook", webhookId);
  return webhook;
}
