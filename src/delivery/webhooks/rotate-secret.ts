import { verb } from "../../access/verb.ts";
import { type ChangedWebhook, lockWebhook, makeWebhookSecret, tell } from "./webhook.ts";

export interface RotateWebhookSecret {
  readonly webhookId: string;
  /** For a secret that others know. */
  readonly endOldSecretNow?: boolean | null | undefined;
}

export interface RotatedWebhookSecret extends ChangedWebhook {
  /** Shown this once; null in a replayed answer. */
  readonly secret: string | null;
}

/** Hours for which the old secret signs as well. */
const OVERLAP_HOURS = 24;

/**
 * Gives a webhook a new secret. The one before signs as well for a day, unless it is ended at once; one from before that
 * ends now in any case.
 * @throws FORBIDDEN, NOT_FOUND, IDEMPOTENCY_KEY_REUSED
 */
export const rotateWebhookSecret = verb(
  { name: "rotateWebhookSecret", role: "admin", effect: "ends", scope: "projects", idempotent: false, on: lockWebhook },
  async (ctx, input: RotateWebhookSecret, { webhookId, projectIds }): Promise<RotatedWebhookSecret> => {
    const made = makeWebhookSecret();
    const overlapHours = input.endOldSecretNow ? null : OVERLAP_HOURS;
    const [row] = await ctx.db.write<{ oldSecretUntil: Date | null }>(
      `UPDATE webhooks SET secret = $2, previous_secret_until = docket_now() + make_interval(hours => $3),
         previous_secret = CASE WHEN $3::int IS NOT NULL THEN secret END
       WHERE webhook_id = $1 RETURNING previous_secret_until AS "oldSecretUntil"`,
      [webhookId, made, overlapHours],
    );
    await tell(ctx, "webhook.secret_rotated", webhookId, { oldSecretUntil: row?.oldSecretUntil ?? null });
    return { webhookId, projectIds, secret: made };
  },
  (rotated) => ({ ...rotated, secret: null }),
);
