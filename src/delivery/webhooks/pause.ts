import type { Context } from "../../access/viewer.ts";
import { type Answer, once } from "../../db/idempotency.ts";
import { append } from "../../log/append.ts";
import { lockWebhook } from "./webhook.ts";

export interface ChangeWebhook {
  readonly webhookId: string;
  readonly idempotencyKey?: string | null | undefined;
}

export interface ChangedWebhook {
  readonly webhookId: string;
}

/**
 * Sends nothing more to a webhook until it is resumed; what is to be sent is kept. An attempt under way ends as it may.
 * Pausing it again changes nothing.
 * @throws FORBIDDEN, BAD_USER_INPUT, IDEMPOTENCY_KEY_REUSED
 */
export function pauseWebhook(ctx: Context, input: ChangeWebhook): Promise<Answer<ChangedWebhook>> {
  return once(ctx, { operation: "pauseWebhook", input }, async (inside) => {
    const { webhookId, pausedAt } = await lockWebhook(inside, input.webhookId);
    if (pausedAt !== null) return { webhookId };
    await inside.db.write("UPDATE webhooks SET paused_at = docket_now() WHERE webhook_id = $1", [webhookId]);
    await append(inside, {
      type: "webhook.paused",
      projectId: null,
      subjectType: "webhook",
      subjectId: webhookId,
      payload: { reason: null },
    });
    return { webhookId };
  });
}
