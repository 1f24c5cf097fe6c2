import { verb } from "../../access/verb.ts";
import type { Context } from "../../access/viewer.ts";
import { type ChangedWebhook, type ChangeWebhook, changeWebhook, lockWebhook, tell } from "./webhook.ts";

/**
 * Sends nothing more to a webhook until it is resumed; what is to be sent is kept. An attempt under way ends as it may.
 * Pausing it again changes nothing.
 * @throws FORBIDDEN, NOT_FOUND, IDEMPOTENCY_KEY_REUSED
 */
export const pauseWebhook = verb(
  { name: "pauseWebhook", role: "admin", effect: "changes", scope: "projects", idempotent: true, on: lockWebhook },
  async (ctx, _input: ChangeWebhook, { webhookId, projectIds }): Promise<ChangedWebhook> => {
    await pause(ctx, webhookId, null);
    return { webhookId, projectIds };
  },
);

/**
 * Pauses a webhook, without asking whether the viewer may.
 * @param reason why it pauses by itself; null when a person does it.
 */
export async function pause(ctx: Context, webhookId: string, reason: string | null): Promise<void> {
  const assignments = "paused_at = docket_now(), pause_reason = $2";
  const changes = await changeWebhook(ctx, webhookId, assignments, [reason], "w.paused_at IS NULL");
  if (changes) await tell(ctx, webhookId, { type: "webhook.paused", payload: { reason, changes } });
}
