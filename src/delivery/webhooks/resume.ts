import { verb } from "../../access/verb.ts";
import { ATTEMPT_SECONDS } from "./claim.ts";
import { type ChangedWebhook, type ChangeWebhook, changeWebhook, lockWebhook, tell } from "./webhook.ts";

/**
 * Lets a paused webhook go on where it stopped: with what is pending, then with all that happened meanwhile. What waits
 * for a later attempt does not wait any longer.
 * Resuming one that is not paused changes nothing.
 * @throws FORBIDDEN, NOT_FOUND, IDEMPOTENCY_KEY_REUSED
 */
export const resumeWebhook = verb(
  { name: "resumeWebhook", role: "admin", effect: "changes", scope: "projects", idempotent: true, on: lockWebhook },
  async (ctx, _input: ChangeWebhook, { webhookId, projectIds, pausedAt }): Promise<ChangedWebhook> => {
    if (pausedAt === null) return { webhookId, projectIds };
    const changes = await changeWebhook(ctx, webhookId, "paused_at = NULL, pause_reason = NULL", []);
    // A delivery that is due within this time may be under way, and would be sent twice.
    await ctx.db.write(
      `UPDATE webhook_deliveries SET next_attempt_at = docket_now()
       WHERE webhook_id = $1 AND status = 'pending'
         AND next_attempt_at > docket_now() + interval '${ATTEMPT_SECONDS} seconds'`,
      [webhookId],
    );
    await tell(ctx, webhookId, { type: "webhook.resumed", payload: { changes: changes ?? {} } });
    return { webhookId, projectIds };
  },
);
