import { randomBytes } from "node:crypto";
import { type Context, requireRole } from "../../access/viewer.ts";
import { within } from "../../access/visibility.ts";
import { isUuid } from "../../db/storable.ts";
import { notFound } from "../../errors.ts";
import type { EventType } from "../../event-types.ts";
import { append } from "../../log/write/append.ts";

/** A webhook as its admins see it: its secrets are in no answer but that of the mutation that made them. */
export interface Webhook {
  readonly webhookId: string;
  readonly url: string;
  /** null: every project, those yet to come and the server's own events too. */
  readonly projectIds: readonly string[] | null;
  /** As given (`expandTypes` says what they select); null: every type. */
  readonly types: readonly string[] | null;
  readonly pausedAt: Date | null;
  /** Why it paused by itself; null when a person did it. */
  readonly pauseReason: string | null;
  /** Until when the secret before the last rotation signs too; null: it does not. */
  readonly oldSecretUntil: Date | null;
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** What names the webhook of a change that needs nothing else. */
export interface ChangeWebhook {
  readonly webhookId: string;
  readonly idempotencyKey?: string | null | undefined;
}

export interface ChangedWebhook {
  readonly webhookId: string;
  readonly projectIds: readonly string[] | null;
}

export const WEBHOOK_COLUMNS = `webhook_id AS "webhookId", url, project_ids AS "projectIds", event_types AS types,
  paused_at AS "pausedAt", pause_reason AS "pauseReason", created_by AS "createdBy", created_at AS "createdAt",
  CASE WHEN previous_secret_until > docket_now() THEN previous_secret_until END AS "oldSecretUntil"`;

/** The name of a webhook's place in the log (`log_readers`). */
export const readerOf = (webhookId: string) => `webhook:${webhookId}`;

/** Webhooks `w` with their places `r`. */
export const WITH_PLACE = `webhooks w JOIN log_readers r ON r.reader = '${readerOf("")}' || w.webhook_id`;

/** Where the log ends; 0 while nothing is in it. */
export const HEAD = "coalesce((SELECT position FROM events ORDER BY position DESC LIMIT 1), 0)";

/**
 * Whether the log holds events of the webhook's projects behind its place. Of each project the event that follows in the
 * index is looked at: asked for by `=`, the planner may walk through all that lies behind the place instead.
 */
export const HAS_MORE = `CASE WHEN w.project_ids IS NULL THEN r.position < ${HEAD} ELSE EXISTS (
    SELECT FROM unnest(w.project_ids) AS wanted (project_id) CROSS JOIN LATERAL (
      SELECT e.project_id FROM events e WHERE (e.project_id, e.position) > (wanted.project_id, r.position)
      ORDER BY e.project_id, e.position LIMIT 1) next
    WHERE next.project_id = wanted.project_id) END`;

/** Leaves an event of a webhook in the log; see `append`. */
export const tell = (
  ctx: Context,
  type: Extract<EventType, `webhook.${string}`>,
  webhookId: string,
  payload: Readonly<Record<string, unknown>> = {},
) => append(ctx, { type, projectId: null, subjectType: "webhook", subjectId: webhookId, payload });

/** A signing secret as Standard Webhooks writes it: 256 bits. */
export function makeWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString("base64")}`;
}

/**
 * Locks a webhook for a change, in its transaction. Events can be queued for it meanwhile.
 * @throws FORBIDDEN for anyone but an admin; NOT_FOUND for one that does not exist or reaches beyond the viewer's projects.
 */
export async function lockWebhook({ db, viewer }: Context, webhookId: string): Promise<Webhook> {
  requireRole(viewer, "admin");
  const [webhook] = isUuid(webhookId)
    ? await db.write<Webhook>(
        `SELECT ${WEBHOOK_COLUMNS} FROM webhooks WHERE webhook_id = $1 AND ${within(2)} FOR NO KEY UPDATE`,
        [webhookId, viewer.projectIds],
      )
    : [];
  if (!webhook) throw notFound("Webhook", webhookId);
  return webhook;
}

/** What the log says of a webhook. A query string may hold a token of the receiver: it stays out of the log. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
