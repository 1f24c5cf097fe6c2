import { once } from "../../access/verb.ts";
import type { Context } from "../../access/viewer.ts";
import type { Answer } from "../../db/idempotency.ts";
import { requireWebhook } from "./find.ts";
import { type ChangedWebhook, type ChangeWebhook, lockWebhook, readerOf, shownUrl, tell } from "./webhook.ts";

/**
 * Ends a webhook for good: with it go its secret, its deliveries, sent or not, and its place in the log.
 * @throws FORBIDDEN, NOT_FOUND, IDEMPOTENCY_KEY_REUSED
 */
export function deleteWebhook(ctx: Context, input: ChangeWebhook): Promise<Answer<ChangedWebhook>> {
  return once(ctx, { operation: "deleteWebhook", role: "admin", input }, async (inside) => {
    const { db } = inside;
    const found = await requireWebhook(inside, input.webhookId);
    // First its place and then the webhook: the order in which queueing locks them.
    await db.write("DELETE FROM log_readers WHERE reader = $1", [readerOf(found.webhookId)]);
    const { webhookId, url, projectIds, types } = await lockWebhook(inside, found.webhookId);
    await db.write("DELETE FROM webhooks WHERE webhook_id = $1", [webhookId]);
    await tell(inside, "webhook.deleted", webhookId, { url: shownUrl(url), projectIds, types });
    return { webhookId, projectIds };
  });
}
