import { randomBytes } from "node:crypto";
import type { Webhook } from "../../../prisma/generated/client/client.ts";
import type { Context } from "../../access/viewer.ts";
import { within } from "../../access/visibility.ts";
import { type FieldsOf, noun } from "../../db/noun.ts";
import { isUuid } from "../../db/storable.ts";
import { notFound } from "../../errors.ts";
import { append, type Told } from "../../log/write/append.ts";
import type { Changes } from "../../log/write/changes.ts";

export type { Webhook };

const OF_WEBHOOK = {
  webhookId: { set: "server", shown: "ID", description: "Names it in the mutations." },
  url: { set: "server", description: "Where its events are sent." },
  projectIds: {
    set: "server",
    shown: "ID",
    limit: true,
    description:
      "The projects whose events it gets; null: every project, those yet to come and the server's own events too.",
  },
  types: {
    set: "server",
    column: "event_types",
    limit: true,
    description: "The event types it gets, like task.completed, or task.* for all of tasks; null: every type.",
  },
  pausedAt: {
    set: "server",
    description: "Since when nothing is sent until resumeWebhook; null: it is not paused.",
  },
  pauseReason: { set: "server", description: "Why it paused by itself; null when an admin paused it." },
  createdBy: { set: "server", shown: "nowhere", description: "The key, or token subject, that made it." },
  createdAt: { set: "server", description: "When it was made: it gets what came after." },
} as const satisfies FieldsOf<Webhook>;

/** A webhook as its admins see it. In statements the table is `w`. Its secrets are no fields: the read side never has them. */
export const WEBHOOK = noun("Webhook", "w", OF_WEBHOOK);

/** The address of a webhook, for a change that needs nothing else. */
export interface ChangeWebhook {
  readonly webhookId: string;
}

export interface ChangedWebhook {
  readonly webhookId: string;
  readonly projectIds: readonly string[] | null;
}

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
export const tell = (ctx: Context, webhookId: string, told: Told) =>
  append(ctx, { ...told, projectId: null, subjectType: "webhook", subjectId: webhookId });

/** What can change of a webhook, under the names of the GraphQL API; of its secrets, until when the one before signs too. */
const CHANGING = `${WEBHOOK.document("w", ["pausedAt", "pauseReason"])} || jsonb_build_object('oldSecretUntil',
  CASE WHEN w.previous_secret_until > docket_now() THEN w.previous_secret_until END)`;

/**
 * Sets columns of a webhook; undefined when it is not there, or `only` does not hold.
 * @param assignments SQL for the SET list; it may use $2 and on.
 * @param only SQL on the webhook `w` as it is before.
 */
export async function changeWebhook(
  { db }: Context,
  webhookId: string,
  assignments: string,
  values: readonly unknown[],
  only = "TRUE",
): Promise<Changes | undefined> {
  const [changed] = await db.write<{ changes: Changes }>(
    `WITH before AS (
       SELECT w.webhook_id, ${CHANGING} AS document FROM webhooks w WHERE w.webhook_id = $1 AND ${only} FOR NO KEY UPDATE
     )
     UPDATE webhooks w SET ${assignments} FROM before WHERE w.webhook_id = before.webhook_id
     RETURNING changes_between(before.document, ${CHANGING}) AS changes`,
    [webhookId, ...values],
  );
  return changed?.changes;
}

/** A signing secret as Standard Webhooks writes it: 256 bits. */
export function makeWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString("base64")}`;
}

/** A webhook that is being changed. */
export interface LockedWebhook {
  readonly webhookId: string;
  readonly url: string;
  /** null: every project. */
  readonly projectIds: readonly string[] | null;
  /** As given (`expandTypes` says what they select); null: every type. */
  readonly types: readonly string[] | null;
  readonly pausedAt: Date | null;
}

/**
 * Locks a webhook for a change, in its transaction. Events can be queued for it meanwhile.
 * @throws NOT_FOUND for one that does not exist or reaches beyond the viewer's projects.
 */
export async function lockWebhook({ db, viewer }: Context, { webhookId }: ChangeWebhook): Promise<LockedWebhook> {
  const [webhook] = isUuid(webhookId)
    ? await db.write<LockedWebhook>(
        `SELECT ${WEBHOOK.select()} FROM webhooks w WHERE webhook_id = $1 AND ${within(2)} FOR NO KEY UPDATE`,
        [webhookId, viewer.projectIds],
      )
    : [];
  if (!webhook) throw notFound("Webhook", webhookId);
  return webhook;
}

/** The payload of a webhook's events. A query string may hold a token of the receiver: it stays out of the log. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
