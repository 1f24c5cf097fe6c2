import { verb } from "../../access/verb.ts";
import type { Context } from "../../access/viewer.ts";
import { isUuid } from "../../db/storable.ts";
import { badInput, notFound } from "../../errors.ts";
import { MOST_ATTEMPTS } from "./outcome.ts";
import { lockWebhook, tell } from "./webhook.ts";

export interface ReplayWebhookDeliveries {
  readonly webhookId: string;
  /** Of deliveries that are dead or done. Either these … */
  readonly eventIds?: readonly string[] | null | undefined;
  /** … or every dead one. */
  readonly allDead?: boolean | null | undefined;
}

export interface Replay {
  readonly webhookId: string;
  readonly projectIds: readonly string[] | null;
  /** How many are sent again. */
  readonly deliveries: number;
  /** How many of the webhook's are still dead. */
  readonly deadLeft: number;
}

/** Most deliveries that one call sends again. */
const MOST_REPLAYED = 1000;

/** A full round of attempts is ahead: the numbers go on at the next one, as 15 or 29. */
const AGAIN = `status = 'pending', next_attempt_at = docket_now(), ended_at = NULL,
    attempts = (attempts + ${MOST_ATTEMPTS - 1}) / ${MOST_ATTEMPTS} * ${MOST_ATTEMPTS}`;
const REPLAY = `UPDATE webhook_deliveries SET ${AGAIN}
  WHERE webhook_id = $1 AND status <> 'pending' AND event_id = ANY ($2::uuid[]) RETURNING event_id`;
const REPLAY_DEAD = `WITH dead AS MATERIALIZED (
    SELECT position FROM webhook_deliveries WHERE webhook_id = $1 AND status = 'dead' ORDER BY position LIMIT $2 FOR UPDATE)
  UPDATE webhook_deliveries d SET ${AGAIN}
  FROM dead WHERE d.webhook_id = $1 AND d.position = dead.position RETURNING d.event_id`;

/**
 * Sends deliveries again that were given up, or done: they are due at once, with a full round of attempts. Those that are
 * pending anyway are not counted. At most 1,000 dead ones, the oldest first; the answer says how many dead are left.
 * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT, IDEMPOTENCY_KEY_REUSED
 */
export const replayWebhookDeliveries = verb(
  {
    name: "replayWebhookDeliveries",
    role: "admin",
    effect: "changes",
    scope: "projects",
    idempotent: false,
    on: lockWebhook,
  },
  async (ctx, input: ReplayWebhookDeliveries, { webhookId, projectIds }): Promise<Replay> => {
    const { db } = ctx;
    const eventIds = checkChoice(input);
    if (eventIds) await requireDeliveries(ctx, webhookId, eventIds);
    const replayed = eventIds
      ? await db.write(REPLAY, [webhookId, eventIds])
      : await db.write(REPLAY_DEAD, [webhookId, MOST_REPLAYED]);
    const [left] = await db.read<{ dead: number }>(
      "SELECT count(*)::int AS dead FROM webhook_deliveries WHERE webhook_id = $1 AND status = 'dead'",
      [webhookId],
    );
    const deliveries = replayed.length;
    if (deliveries > 0)
      await tell(ctx, webhookId, {
        type: "webhook.deliveries_replayed",
        payload: { deliveries, allDead: eventIds === null },
      });
    return { webhookId, projectIds, deliveries, deadLeft: left?.dead ?? 0 };
  },
);

/** The events to send again, null for all dead ones. */
function checkChoice({ eventIds, allDead }: ReplayWebhookDeliveries): readonly string[] | null {
  if ((eventIds != null) === (allDead === true))
    throw badInput("Name the deliveries by eventIds, or say allDead: true; one of the two.");
  if (eventIds == null) return null;
  if (eventIds.length < 1 || eventIds.length > MOST_REPLAYED)
    throw badInput(`eventIds must name 1 to ${MOST_REPLAYED} deliveries, not ${eventIds.length}.`);
  return [...new Set(eventIds.map((eventId) => eventId.toLowerCase()))];
}

async function requireDeliveries({ db }: Context, webhookId: string, eventIds: readonly string[]): Promise<void> {
  const found = await db.read<{ event_id: string }>(
    "SELECT event_id FROM webhook_deliveries WHERE webhook_id = $1 AND event_id = ANY ($2::uuid[])",
    [webhookId, eventIds.filter(isUuid)],
  );
  const known = new Set(found.map(({ event_id }) => event_id));
  const missing = eventIds.find((eventId) => !known.has(eventId));
  if (missing !== undefined) throw notFound("WebhookDelivery", missing);
}
