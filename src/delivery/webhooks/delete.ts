import { verb } from "../../access/verb.ts";
import type { Context } from "../../access/viewer.ts";
import { requireWebhook } from "./find.ts";
import {
  type ChangedWebhook,
  type ChangeWebhook,
  type LockedWebhook,
  lockWebhook,
  readerOf,
  shownUrl,
  tell,
} from "./webhook.ts";

/**
 * Ends a webhook for good: with it go its secret, its deliveries, sent or not, and its place in the log.
 * @throws FORBIDDEN, NOT_FOUND, IDEMPOTENCY_KEY_REUSED
 */
export const deleteWebhook = verb(
  { name: "deleteWebhook", role: "admin", effect: "ends", scope: "projects", idempotent: true, on: lockWithPlace },
  async (ctx, _input: ChangeWebhook, { webhookId, url, projectIds, types }): Promise<ChangedWebhook> => {
    await ctx.db.write("DELETE FROM log_readers WHERE reader = $1", [readerOf(webhookId)]);
    await ctx.db.write("DELETE FROM webhooks WHERE webhook_id = $1", [webhookId]);
    await tell(ctx, webhookId, { type: "webhook.deleted", payload: { url: shownUrl(url), projectIds, types } });
    return { webhookId, projectIds };
  },
);

/** Locks its place in the log and then the webhook: the order in which queueing locks them. */
async function lockWithPlace(ctx: Context, input: ChangeWebhook): Promise<LockedWebhook> {
  const { webhookId } = await requireWebhook(ctx, input.webhookId);
  await ctx.db.write("SELECT FROM log_readers WHERE reader = $1 FOR UPDATE", [readerOf(webhookId)]);
  return lockWebhook(ctx, { webhookId });
}
