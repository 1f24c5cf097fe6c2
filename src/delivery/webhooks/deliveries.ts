import type { Db } from "../../db/database.ts";
import { foreignCursor, type Page, pageSize, toPage } from "../../db/page.ts";
import { isUuid } from "../../db/storable.ts";
import { type EventRow, eventColumns, LoggedEvent } from "../../log/read/event.ts";
import { SERVER_STREAM } from "../../log/write/append.ts";

export type DeliveryStatus = "pending" | "delivered" | "dead";

/** One event on its way to one webhook. */
export interface LoggedDelivery {
  readonly webhookId: string;
  /** Of the event in the log. Never shown: it would tell of other projects. */
  readonly position: number;
  readonly eventId: string;
  readonly eventType: string;
  /** null: an event of the server itself. */
  readonly projectId: string | null;
  readonly subjectType: string;
  readonly subjectId: string;
  readonly status: DeliveryStatus;
  /** null unless it is pending. */
  readonly nextAttemptAt: Date | null;
  readonly queuedAt: Date;
  readonly endedAt: Date | null;
}

const DELIVERY_COLUMNS = `d.webhook_id AS "webhookId", d.position, d.event_id AS "eventId", d.event_type AS "eventType",
  NULLIF(d.project_id, '${SERVER_STREAM}') AS "projectId", d.subject_type AS "subjectType", d.subject_id AS "subjectId",
  d.status, d.next_attempt_at AS "nextAttemptAt", d.queued_at AS "queuedAt", d.ended_at AS "endedAt"`;

/** What came of one attempt to send. */
export interface Attempt {
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

export interface DeliveriesQuery {
  /** null: every status. */
  readonly status?: DeliveryStatus | null | undefined;
  readonly first?: number | null | undefined;
  /** A cursor: the event id of the last delivery seen. */
  readonly after?: string | null | undefined;
}

/**
 * A page of the delivery log of each of the webhooks, latest event first. Whether they may be seen is the caller's to know.
 * @throws BAD_USER_INPUT for a size outside 0 … 100, or a cursor of another list.
 */
export async function listDeliveries(
  db: Db,
  webhookIds: readonly string[],
  { status = null, first, after = null }: DeliveriesQuery,
): Promise<Page<LoggedDelivery>[]> {
  const size = pageSize(first);
  if (after !== null) await requireCursor(db, webhookIds, after);
  const rows = await db.read<LoggedDelivery>(
    `SELECT d.* FROM unnest($1::uuid[]) AS w (webhook_id) CROSS JOIN LATERAL (
       SELECT ${DELIVERY_COLUMNS} FROM webhook_deliveries d WHERE d.webhook_id = w.webhook_id AND ($2::text IS NULL OR d.status = $2)
         AND ($3::uuid IS NULL OR d.position < (SELECT c.position FROM webhook_deliveries c
           WHERE c.webhook_id = w.webhook_id AND c.event_id = $3))
       ORDER BY d.position DESC LIMIT $4) d
     ORDER BY d.position DESC`,
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

type Key = Pick<LoggedDelivery, "webhookId" | "position">;

export interface AttemptsQuery {
  readonly first?: number | null | undefined;
  /** The number of the last attempt seen. */
  readonly after?: number | null | undefined;
}

/**
 * Attempts of each delivery, oldest first.
 * @throws BAD_USER_INPUT for a size outside 0 … 100.
 */
export const listAttempts = (db: Db, deliveries: readonly Key[], { first, after }: AttemptsQuery) =>
  readAttempts(db, deliveries, "attempt > $3 ORDER BY attempt LIMIT $4", [after ?? 0, pageSize(first)]);

/** The latest attempt of each delivery; null where there is none. */
export async function lastAttempts(db: Db, deliveries: readonly Key[]): Promise<(Attempt | null)[]> {
  const found = await readAttempts(db, deliveries, "TRUE ORDER BY attempt DESC LIMIT 1", []);
  return found.map(([last]) => last ?? null);
}

async function readAttempts(
  db: Db,
  deliveries: readonly Key[],
  which: string,
  values: readonly unknown[],
): Promise<Attempt[][]> {
  const rows = await db.read<Attempt & Key>(
    `SELECT webhook_id AS "webhookId", position, a.*
     FROM unnest($1::uuid[], $2::bigint[]) d (webhook_id, position) CROSS JOIN LATERAL (
       SELECT attempt, started_at AS "startedAt", duration_ms AS "durationMs", status_code AS "statusCode", error, response
       FROM webhook_attempts a WHERE a.webhook_id = d.webhook_id AND a.position = d.position AND ${which}) a
     ORDER BY attempt`,
    [deliveries.map(({ webhookId }) => webhookId), deliveries.map(({ position }) => position), ...values],
  );
  const idOf = ({ webhookId, position }: Key) => `${webhookId} ${position}`;
  const found = Map.groupBy(rows, idOf);
  return deliveries.map((delivery) => found.get(idOf(delivery)) ?? []);
}

/** The event of each delivery; null when that part of the log is no longer kept. */
export async function findEvents(db: Db, deliveries: readonly LoggedDelivery[]): Promise<(LoggedEvent | null)[]> {
  const rows = await db.read<EventRow>(`SELECT ${eventColumns()} FROM events e WHERE e.position = ANY ($1::bigint[])`, [
    deliveries.map(({ position }) => position),
  ]);
  // By its id: were the log ever restored without the deliveries, a position could hold another event.
  const found = new Map(rows.map((row) => [row.event_id, row]));
  return deliveries.map(({ eventId }) => {
    const row = found.get(eventId);
    return row ? new LoggedEvent(row) : null;
  });
}
