import { acting } from "../../access/act-as.ts";
import type { Context } from "../../access/viewer.ts";
import type { ClaimedDelivery } from "./claim.ts";
import { pause } from "./pause.ts";
import type { EndpointAnswer } from "./send.ts";

/** Attempts until a delivery is dead. A replay begins the next round of so many. */
export const MOST_ATTEMPTS = 14;
/** Pause after the first attempt, in seconds; three times as long after each further one. */
const FIRST_PAUSE = 5;
/** The longest pause, in seconds, also of those that an endpoint asks for. */
const LONGEST_PAUSE = 6 * 3600;

/**
 * Every outcome begins with this: it takes the attempt's row, and the delivery unless another process has taken it over
 * because this one took too long.
 */
const ATTEMPT = `WITH here AS (
      SELECT webhook_id, position, project_id, subject_type, subject_id, status = 'pending' AND attempts = $3 AS ours
      FROM webhook_deliveries WHERE webhook_id = $1 AND position = $2 FOR UPDATE
    ), attempt AS (
      INSERT INTO webhook_attempts (webhook_id, position, attempt, started_at, duration_ms, status_code, error, response)
      SELECT webhook_id, position, $3, $4, $5, $6, $7, $8 FROM here
      ON CONFLICT DO NOTHING)`;

const END = {
  name: "webhooks-end",
  text: `${ATTEMPT}
    UPDATE webhook_deliveries d SET status = $9, next_attempt_at = NULL, ended_at = docket_now()
    FROM here WHERE here.ours AND d.webhook_id = here.webhook_id AND d.position = here.position`,
};

/**
 * The later ones of the subject wait with it, so that what is due can be sent, and a claim passes over little. After a
 * replay one of them may be under way: its mark stays, or it would be sent twice at once.
 */
const POSTPONE = {
  name: "webhooks-postpone",
  text: `${ATTEMPT}
    UPDATE webhook_deliveries d SET next_attempt_at = greatest(docket_now() + make_interval(secs => $9),
      CASE WHEN d.position > here.position THEN d.next_attempt_at END)
    FROM here WHERE here.ours AND d.webhook_id = here.webhook_id AND d.project_id = here.project_id
      AND d.subject_type = here.subject_type AND d.subject_id = here.subject_id
      AND d.position >= here.position AND d.status = 'pending'`,
};

/**
 * Records what came of an attempt: delivered, tried again later, or dead. Later events of a dead one's subject go on.
 * @param ctx of the server itself: an endpoint that is gone (410) pauses its webhook.
 * @throws DATABASE_UNAVAILABLE: then it is sent again.
 */
export async function recordOutcome(ctx: Context, delivery: ClaimedDelivery, answer: EndpointAnswer): Promise<void> {
  const { webhookId, position, attempt, startedAt, event } = delivery;
  const { durationMs, statusCode, error, response, retryAfter } = answer;
  const values = [webhookId, position, attempt, startedAt, durationMs, statusCode, error, response];
  const end = (status: "delivered" | "dead") => ctx.db.write(END, [...values, status], { idempotent: true });
  const postpone = (db: Context["db"]) =>
    db.write(POSTPONE, [...values, pauseAfter(attempt, retryAfter)], { idempotent: true });

  if (error === null) await end("delivered");
  else if (statusCode === 410)
    await acting(
      ctx,
      async (inside) => {
        await postpone(inside.db);
        await pause(inside, webhookId, error);
      },
      { idempotent: true },
    );
  else if (event === null || attempt % MOST_ATTEMPTS === 0) await end("dead");
  else await postpone(ctx.db);
}

/**
 * Seconds until the next attempt: exponential, and a fifth more or less at random, so that what failed together does not
 * come back together.
 */
export function pauseAfter(attempt: number, retryAfter: number, random = Math.random): number {
  const round = (attempt - 1) % MOST_ATTEMPTS;
  const backoff = FIRST_PAUSE * 3 ** round * (0.8 + 0.4 * random());
  return Math.min(Math.max(backoff, retryAfter), LONGEST_PAUSE);
}
