import { verb } from "../../access/verb.ts";
import { type ChangedWebhook, changeWebhook, lockWebhook, makeWebhookSecret, tell } from "./webhook.ts";

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
    const changes = await changeWebhook(
      ctx,
      webhookId,
      `secret = $2, previous_secret_until = docket_now() + make_interval(hours => $3),
       previous_secret = CASE WHEN $3::int IS NOT NULL THEN secret END`,
      [made, overlapHours],
    );
    const oldSecretUntil = changes?.["oldSecretUntil"]?.new ?? null;
    await tell(ctx, webhookId, { type: "webhook.secret_rotated", payload: { oldSecretUntil, changes: changes ?? {} } });
    return { webhookId, projectIds, secret: made };
  },
  (rotated) => ({ ...rotated, secret: null }),
);
