import type { Db } from "../../db/database.ts";
import { type EventRow, eventColumns, LoggedEvent } from "../../log/read/event.ts";
import { STORED } from "../../log/read/page.ts";

/** Requests that one process has under way to one webhook at most: a slow endpoint leaves room for the others. */
const MOST_PER_WEBHOOK = 4;
/** After so long an attempt without an outcome counts as lost with its process. Longer than an exchange may take. */
export const ATTEMPT_SECONDS = 30;

/** A delivery that this process is to send now. */
export interface ClaimedDelivery {
  readonly webhookId: string;
  readonly position: number;
  readonly eventId: string;
  /** 1 for the first; with it the outcome is recorded only while nobody else has taken the delivery over. */
  readonly attempt: number;
  readonly startedAt: Date;
  readonly url: string;
  /** The current one first. */
  readonly secrets: readonly string[];
  /** null: its part of the log is gone. */
  readonly event: LoggedEvent | null;
}

/** SQL: places of what may go next, the oldest pending delivery of each subject, of the webhooks of a condition on `d`. */
const oldest = (condition: string) => `SELECT webhook_id, min(position) AS position FROM webhook_deliveries d
          WHERE ${condition} AND status = 'pending' GROUP BY webhook_id, project_id, subject_type, subject_id`;

/**
 * Of each subject only the oldest pending delivery may go, if it is due. That holds however many processes claim at once:
 * nothing but a replay makes an earlier delivery pending after a later one, so what was the oldest in the statement's
 * snapshot still is; and what another process has taken since then is no longer due when it is read again under its
 * lock. Only webhooks with something due are looked into (a queue has about 1,000 rows at most), and those with the
 * fewest requests under way come first, so that the ones with much to send do not keep the others out.
 */
export const CLAIM = {
  name: "webhooks-claim",
  text: `WITH due AS (
      SELECT d.webhook_id, d.position
      FROM (
        SELECT w.webhook_id, coalesce(busy.requests, 0) AS requests
        FROM webhooks w LEFT JOIN unnest($2::uuid[], $3::int[]) AS busy (webhook_id, requests) USING (webhook_id)
        WHERE w.paused_at IS NULL AND EXISTS (
          SELECT FROM webhook_deliveries d
          WHERE d.webhook_id = w.webhook_id AND d.status = 'pending' AND d.next_attempt_at <= (SELECT docket_now()))
        ORDER BY requests, random()) w
      CROSS JOIN LATERAL (
        SELECT d.webhook_id, d.position
        FROM (
          ${oldest("d.webhook_id = w.webhook_id")}) oldest
        JOIN webhook_deliveries d ON d.webhook_id = w.webhook_id AND d.position = oldest.position
        WHERE d.status = 'pending' AND d.next_attempt_at <= (SELECT docket_now())
        ORDER BY d.position LIMIT ${MOST_PER_WEBHOOK} - w.requests FOR UPDATE OF d SKIP LOCKED) d
      LIMIT $1)
    UPDATE webhook_deliveries d
    SET attempts = d.attempts + 1, next_attempt_at = docket_now() + interval '${ATTEMPT_SECONDS} seconds'
    FROM due JOIN webhooks w USING (webhook_id) LEFT JOIN LATERAL (
      SELECT ${STORED} FROM events e WHERE e.position = due.position OFFSET 0) e ON true
    WHERE d.webhook_id = due.webhook_id AND d.position = due.position
    RETURNING d.webhook_id AS "webhookId", d.event_id AS "eventId", d.attempts AS attempt, docket_now() AS "startedAt",
      w.url, w.secret, CASE WHEN w.previous_secret_until > docket_now() THEN w.previous_secret END AS "previousSecret",
      d.position AS "deliveryPosition", ${eventColumns()}`,
};

/** SQL: what may go next, now or later, as `d` of the webhooks `w` that are not paused. */
export const NEXT_OF_EACH_SUBJECT = `webhooks w CROSS JOIN LATERAL (
      ${oldest("d.webhook_id = w.webhook_id")}) oldest
    JOIN webhook_deliveries d ON d.webhook_id = oldest.webhook_id AND d.position = oldest.position
    WHERE w.paused_at IS NULL`;

const NEXT = {
  name: "webhooks-next",
  text: `SELECT extract(epoch FROM min(d.next_attempt_at) - (SELECT docket_now()))::float8 * 1000 AS "dueInMs"
    FROM ${NEXT_OF_EACH_SUBJECT} AND w.webhook_id <> ALL ($1::uuid[])`,
};

interface Row extends Omit<ClaimedDelivery, "position" | "secrets" | "event">, EventRow {
  readonly deliveryPosition: number;
  readonly secret: string;
  readonly previousSecret: string | null;
}

/**
 * Takes deliveries that are due, and counts an attempt of each.
 * @param most how many at most.
 * @param busy requests under way by webhook.
 * @throws DATABASE_UNAVAILABLE
 */
export async function claimDeliveries(
  db: Db,
  { most, busy }: { most: number; busy: ReadonlyMap<string, number> },
): Promise<ClaimedDelivery[]> {
  const rows = await db.write<Row>(CLAIM, [most, [...busy.keys()], [...busy.values()]], { idempotent: true });
  return rows.map((row) => ({
    webhookId: row.webhookId,
    position: row.deliveryPosition,
    eventId: row.eventId,
    attempt: row.attempt,
    startedAt: row.startedAt,
    url: row.url,
    secrets: row.previousSecret === null ? [row.secret] : [row.secret, row.previousSecret],
    // After a restore another event may have the position.
    event: row.event_id === row.eventId ? new LoggedEvent(row) : null,
  }));
}

/**
 * Milliseconds until the next delivery may go, of the webhooks to which this process can send another; 0 or less when one
 * may go now, null when nothing is pending.
 * @param busy requests under way by webhook.
 * @throws DATABASE_UNAVAILABLE
 */
export async function nextDeliveryInMs(db: Db, busy: ReadonlyMap<string, number>): Promise<number | null> {
  const full = [...busy].filter(([, requests]) => requests >= MOST_PER_WEBHOOK).map(([webhookId]) => webhookId);
  const [next] = await db.read<{ dueInMs: number | null }>(NEXT, [full]);
  return next?.dueInMs ?? null;
}
