import { once } from "../../access/verb.ts";
import type { Context } from "../../access/viewer.ts";
import { lockWebhook, makeWebhookSecret, tell } from "./webhook.ts";

export interface RotateWebhookSecret {
  readonly webhookId: string;
  /** For a secret that others know. */
  readonly endOldSecretNow?: boolean | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

export interface RotatedWebhookSecret {
  readonly webhookId: string;
  /** Shown this once; null in a replayed answer. */
  readonly secret: string | null;
  readonly replayed: boolean;
}

/** Hours for which the old secret signs as well. */
const OVERLAP_HOURS = 24;

/**
 * Gives a webhook a new secret. The one before signs as well for a day, unless it is ended at once; one from before that
 * ends now in any case.
 * @throws FORBIDDEN, NOT_FOUND, IDEMPOTENCY_KEY_REUSED
 */
export async function rotateWebhookSecret(ctx: Context, input: RotateWebhookSecret): Promise<RotatedWebhookSecret> {
  let secret: string | null = null;
  const answer = await once(ctx, { operation: "rotateWebhookSecret", role: "admin", input }, async (inside) => {
    const { webhookId, projectIds } = await lockWebhook(inside, input.webhookId);
    const made = makeWebhookSecret();
    const overlapHours = input.endOldSecretNow ? null : OVERLAP_HOURS;
    const [row] = await inside.db.write<{ oldSecretUntil: Date | null }>(
      `UPDATE webhooks SET secret = $2, previous_secret_until = docket_now() + make_interval(hours => $3),
         previous_secret = CASE WHEN $3::int IS NOT NULL THEN secret END
       WHERE webhook_id = $1 RETURNING previous_secret_until AS "oldSecretUntil"`,
      [webhookId, made, overlapHours],
    );
    await tell(inside, "webhook.secret_rotated", webhookId, { oldSecretUntil: row?.oldSecretUntil ?? null });
    secret = made;
    // What is returned here is stored with the idempotency key: never the secret.
    return { webhookId, projectIds };
  });
  return { ...answer, secret: answer.replayed ? null : secret };
}
