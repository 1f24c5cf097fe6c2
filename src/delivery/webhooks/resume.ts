import { once } from "../../access/verb.ts";
import type { Context } from "../../access/viewer.ts";
import type { Answer } from "../../db/idempotency.ts";
import { ATTEMPT_SECONDS } from "./claim.ts";
import { type ChangedWebhook, type ChangeWebhook, lockWebhook, tell } from "./webhook.ts";

/**
 * Lets a paused webhook go on where it stopped: with what is pending, then with all that happened meanwhile. What waits
 * for a later attempt does not wait any longer.
 * Resuming one that is not paused changes nothing.
 * @throws FORBIDDEN, NOT_FOUND, IDEMPOTENCY_KEY_REUSED
 */
export function resumeWebhook(ctx: Context, input: ChangeWebhook): Promise<Answer<ChangedWebhook>> {
  return once(ctx, { operation: "resumeWebhook", role: "admin", input }, async (inside) => {
    const { webhookId, projectIds, pausedAt } = await lockWebhook(inside, input.webhookId);
    if (pausedAt === null) return { webhookId, projectIds };
    await inside.db.write("UPDATE webhooks SET paused_at = NULL, pause_reason = NULL WHERE webhook_id = $1", [
      webhookId,
    ]);
    // What is due within this time may be under way, and would be sent twice.
    await inside.db.write(
      `UPDATE webhook_deliveries SET next_attempt_at = docket_now()
       WHERE webhook_id = $1 AND status = 'pending'
         AND next_attempt_at > docket_now() + interval '${ATTEMPT_SECONDS} seconds'`,
      [webhookId],
    );
    await tell(inside, "webhook.resumed", webhookId);
    return { webhookId, projectIds };
  });
}
