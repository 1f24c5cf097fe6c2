import type { WebhookDelivery } from "../../../prisma/generated/client/client.ts";
import type { Context } from "../../access/viewer.ts";
import type { Db } from "../../db/database.ts";
import { type FieldsOf, noun } from "../../db/noun.ts";
import type { OrderBy } from "../../db/order.ts";
import { type Direction, foreignCursor, type Page, pageSize, toPage } from "../../db/page.ts";
import { isUuid } from "../../db/storable.ts";
import { type EventRow, eventColumns, LoggedEvent } from "../../log/read/event.ts";
import { STORED } from "../../log/read/page.ts";
import { SERVER_STREAM } from "../../log/write/append.ts";

const DELIVERY_STATUSES = ["pending", "delivered", "dead"] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

export type { WebhookDelivery };

const OF_DELIVERY = {
  webhookId: { set: "server", shown: "nowhere", description: "The webhook that carries it." },
  eventId: {
    set: "server",
    shown: "ID",
    description: "The event's id, sent as webhook-id and as the CloudEvent's id. Names it in replayWebhookDeliveries.",
  },
  eventType: { set: "server", description: "Like task.completed." },
  projectId: { set: "server", shown: "nowhere", description: "The event's project, or that of the server's own." },
  subjectType: { set: "server", description: "What it happened to: task, reservation, project …" },
  subjectId: { set: "server", description: "The subject's id, like TASK-046." },
  status: { set: "server", choice: DELIVERY_STATUSES, description: "How far it has come." },
  nextAttemptAt: {
    set: "server",
    description:
      "When it is sent, or sent again, at the earliest; while an attempt is under way, when that counts as lost. null unless PENDING.",
  },
  queuedAt: { set: "server", description: "When it was queued for the webhook." },
  endedAt: { set: "server", description: "When it was delivered or given up; null while PENDING." },
} as const satisfies FieldsOf<WebhookDelivery>;

/** One event on its way to one webhook. In statements the table is `d`. The event's position is no field: it would tell of other projects. */
export const DELIVERY = noun("WebhookDelivery", "d", OF_DELIVERY);

/** The project of a delivery's event; null: an event of the server itself. */
export const projectOf = ({ projectId }: WebhookDelivery) => (projectId === SERVER_STREAM ? null : projectId);

/** What came of one attempt to send. */
export interface SendingAttempt {
  /** Counts 1, 2, 3 … per delivery; a replay begins the next round. */
  readonly attempt: number;
  readonly startedAt: Date;
  readonly durationMs: number;
  /** null when there was no HTTP answer. */
  readonly statusCode: number | null;
  readonly error: string | null;
  /** The beginning of the answer's body. */
  readonly response: string | null;
}

/** Deliveries stand in the order in which their events stand in the log. */
export type DeliveryOrder = OrderBy<"event">;
export const LATEST_DELIVERIES: DeliveryOrder = { field: "event", direction: "DESC" };

export interface DeliveriesQuery {
  /** null: every status. */
  readonly status?: DeliveryStatus | null | undefined;
  /** Default: the latest event first. */
  readonly orderBy?: DeliveryOrder | null | undefined;
  readonly first?: number | null | undefined;
  /** A cursor: the event id of the last delivery seen. */
  readonly after?: string | null | undefined;
}

/**
 * A page of the delivery log of each of the webhooks. Whether they may be seen is the caller's to know.
 * @throws BAD_USER_INPUT for a size outside 0 … 100, or a cursor of another list.
 */
export async function listDeliveries(
  db: Db,
  webhookIds: readonly string[],
  { status = null, orderBy, first, after = null }: DeliveriesQuery,
): Promise<Page<WebhookDelivery>[]> {
  const size = pageSize(first);
  const { direction } = orderBy ?? LATEST_DELIVERIES;
  if (after !== null) await requireCursor(db, webhookIds, after);
  const rows = await db.read<WebhookDelivery>(
    `SELECT d.* FROM unnest($1::uuid[]) AS w (webhook_id) CROSS JOIN LATERAL (
       SELECT ${DELIVERY.select()}, d.position FROM webhook_deliveries d
       WHERE d.webhook_id = w.webhook_id AND ($2::text IS NULL OR d.status = $2)
         AND ($3::uuid IS NULL OR d.position ${direction === "DESC" ? "<" : ">"} (SELECT c.position FROM webhook_deliveries c
           WHERE c.webhook_id = w.webhook_id AND c.event_id = $3))
       ORDER BY d.position ${direction} LIMIT $4) d
     ORDER BY d.position ${direction}`,
    [webhookIds, status, after, size + 1],
  );
  const found = Map.groupBy(rows, ({ webhookId }) => webhookId);
  return webhookIds.map((webhookId) =>
    toPage(found.get(webhookId) ?? [], { size, resumed: after !== null, cursorOf: ({ eventId }) => eventId }),
  );
}

/** The cursor is the event's id, as a position may not be shown. Of a delivery that is no longer kept it is lost. */
async function requireCursor(db: Db, webhookIds: readonly string[], after: string): Promise<void> {
  const rows = isUuid(after)
    ? await db.read("SELECT FROM webhook_deliveries WHERE webhook_id = ANY ($1::uuid[]) AND event_id = $2", [
        webhookIds,
        after,
      ])
    : [];
  if (rows.length < webhookIds.length) throw foreignCursor();
}

/** How many deliveries the log of each webhook has. */
export async function countDeliveries(
  db: Db,
  webhookIds: readonly string[],
  status: DeliveryStatus | null = null,
): Promise<number[]> {
  const rows = await db.read<{ webhook_id: string; count: number }>(
    `SELECT webhook_id, count(*)::int AS count FROM webhook_deliveries
     WHERE webhook_id = ANY ($1::uuid[]) AND ($2::text IS NULL OR status = $2) GROUP BY webhook_id`,
    [webhookIds, status],
  );
  const found = new Map(rows.map(({ webhook_id, count }) => [webhook_id, count]));
  return webhookIds.map((webhookId) => found.get(webhookId) ?? 0);
}

/**
 * The deliveries of webhooks that the viewer administers, in the order of the keys; null where there is none. Nothing
 * for anyone but an admin.
 */
export async function findDeliveries(
  { db, viewer }: Context,
  keys: readonly Pick<WebhookDelivery, "webhookId" | "eventId">[],
): Promise<(WebhookDelivery | null)[]> {
  if (viewer.role !== "admin") return keys.map(() => null);
  const rows = await db.read<WebhookDelivery & { place: number }>(
    `SELECT ${DELIVERY.select()}, wanted.place::int
     FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS wanted (webhook_id, event_id, place)
       JOIN webhook_deliveries d ON d.webhook_id = wanted.webhook_id::uuid AND d.event_id = wanted.event_id::uuid
       JOIN webhooks w ON w.webhook_id = d.webhook_id AND ($1::text[] IS NULL OR w.project_ids <@ $1)`,
    [
      viewer.projectIds,
      ...[keys.map(({ webhookId }) => uuidOf(webhookId)), keys.map(({ eventId }) => uuidOf(eventId))],
    ],
  );
  const found = new Map(rows.map((row) => [row.place, row]));
  return keys.map((_, i) => found.get(i + 1) ?? null);
}

/** What can be no id is none's. */
const uuidOf = (text: string) => (isUuid(text) ? text : null);

type Key = Pick<WebhookDelivery, "webhookId" | "eventId">;
/** Parameters of this. */
const keysOf = (deliveries: readonly Key[]) => [
  deliveries.map(({ webhookId }) => webhookId),
  deliveries.map(({ eventId }) => eventId),
];
/** The wanted deliveries `d`, each found by the index. */
const WANTED = `unnest($1::uuid[], $2::uuid[]) AS wanted (webhook_id, event_id) CROSS JOIN LATERAL (
       SELECT f.webhook_id, f.event_id, f.position FROM webhook_deliveries f
       WHERE f.webhook_id = wanted.webhook_id AND f.event_id = wanted.event_id OFFSET 0) d`;
const idOf = ({ webhookId, eventId }: Key) => `${webhookId} ${eventId}`;

/** Attempts are numbered as they were made. */
export type SendingAttemptOrder = OrderBy<"attempt">;
export const OLDEST_SENDING_ATTEMPTS: SendingAttemptOrder = { field: "attempt", direction: "ASC" };

export interface SendingAttemptsQuery {
  /** Default: oldest first. */
  readonly orderBy?: SendingAttemptOrder | null | undefined;
  readonly first?: number | null | undefined;
  /** The number of the last attempt seen. */
  readonly after?: number | null | undefined;
}

/**
 * Attempts of each delivery.
 * @throws BAD_USER_INPUT for a size outside 0 … 100.
 */
export function listSendingAttempts(
  db: Db,
  deliveries: readonly Key[],
  { orderBy, first, after }: SendingAttemptsQuery,
) {
  const { direction } = orderBy ?? OLDEST_SENDING_ATTEMPTS;
  const beyond = direction === "ASC" ? "> coalesce($3, 0)" : "< coalesce($3, 2147483647)";
  const which = `attempt ${beyond} ORDER BY attempt ${direction} LIMIT $4`;
  return readAttempts(db, deliveries, which, [after ?? null, pageSize(first)], direction);
}

/** The latest attempt of each delivery; null where there is none. */
export async function lastAttempts(db: Db, deliveries: readonly Key[]): Promise<(SendingAttempt | null)[]> {
  const found = await readAttempts(db, deliveries, "TRUE ORDER BY attempt DESC LIMIT 1", []);
  return found.map(([last]) => last ?? null);
}

async function readAttempts(
  db: Db,
  deliveries: readonly Key[],
  which: string,
  values: readonly unknown[],
  direction: Direction = "ASC",
): Promise<SendingAttempt[][]> {
  const rows = await db.read<SendingAttempt & Key>(
    `SELECT d.webhook_id AS "webhookId", d.event_id AS "eventId", a.*
     FROM ${WANTED} CROSS JOIN LATERAL (
       SELECT attempt, started_at AS "startedAt", duration_ms AS "durationMs", status_code AS "statusCode", error, response
       FROM webhook_attempts a WHERE a.webhook_id = d.webhook_id AND a.position = d.position AND ${which}) a
     ORDER BY attempt ${direction}`,
    [...keysOf(deliveries), ...values],
  );
  const found = Map.groupBy(rows, idOf);
  return deliveries.map((delivery) => found.get(idOf(delivery)) ?? []);
}

/** The event of each delivery; null when that part of the log is no longer kept. */
export async function findEvents(db: Db, deliveries: readonly Key[]): Promise<(LoggedEvent | null)[]> {
  // By its id: were the log ever restored without the deliveries, a position could hold another event.
  const rows = await db.read<EventRow>(
    `SELECT ${eventColumns()} FROM ${WANTED} CROSS JOIN LATERAL (
       SELECT ${STORED} FROM events e WHERE e.position = d.position AND e.event_id = d.event_id OFFSET 0) e`,
    keysOf(deliveries),
  );
  const found = new Map(rows.map((row) => [row.event_id, row]));
  return deliveries.map(({ eventId }) => {
    const row = found.get(eventId);
    return row ? new LoggedEvent(row) : null;
  });
}
