import type { Context } from "../../access/viewer.ts";
import { within } from "../../access/visibility.ts";
import type { Db } from "../../db/database.ts";
import type { Page } from "../../db/page.ts";
import { isUuid } from "../../db/storable.ts";
import { badInput } from "../../errors.ts";
import { SERVER_STREAM } from "../../log/append.ts";
import { EVENT_COLUMNS, type EventRow, LoggedEvent } from "../../log/event.ts";

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
  /** Counts 1, 2, 3 … per delivery. */
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

export type DeliveryPage = Page<LoggedDelivery> & { totalCount(): Promise<number> };

const DEFAULT_SIZE = 50;
const LARGEST_SIZE = 100;

/**
 * A page of the delivery log of each of the webhooks, latest event first: one statement for all of them.
 * @throws BAD_USER_INPUT for a size outside 0 … 100, or a cursor of another list.
 */
export async function listDeliveries(
  { db, viewer }: Context,
  webhookIds: readonly string[],
  { status = null, first, after = null }: DeliveriesQuery,
): Promise<DeliveryPage[]> {
  const size = first ?? DEFAULT_SIZE;
  if (size < 0 || size > LARGEST_SIZE)
    throw badInput(`A page holds 0 to ${LARGEST_SIZE} items, not ${size}; follow pageInfo.endCursor for more.`);
  if (after !== null) await requireCursor(db, webhookIds, after);
  const rows = await db.read<LoggedDelivery>(
    `SELECT d.* FROM webhooks w CROSS JOIN LATERAL (
       SELECT ${DELIVERY_COLUMNS} FROM webhook_deliveries d WHERE d.webhook_id = w.webhook_id AND ($3::text IS NULL OR d.status = $3)
         AND ($4::uuid IS NULL OR d.position < (SELECT c.position FROM webhook_deliveries c
           WHERE c.webhook_id = w.webhook_id AND c.event_id = $4))
       ORDER BY d.position DESC LIMIT $5) d
     WHERE w.webhook_id = ANY ($1::uuid[]) AND ${within(2)} ORDER BY d.position DESC`,
    [webhookIds, viewer.projectIds, status, after, size + 1],
  );
  const found = Map.groupBy(rows, ({ webhookId }) => webhookId);
  return webhookIds.map((webhookId) => ({
    ...toPage(found.get(webhookId) ?? [], size, after !== null),
    totalCount: () => countOf(db, webhookId, status),
  }));
}

/** The cursor is the event's id, as a position may not be shown. Of a delivery that is no longer kept it is lost. */
async function requireCursor(db: Db, webhookIds: readonly string[], after: string): Promise<void> {
  const rows = isUuid(after)
    ? await db.read("SELECT FROM webhook_deliveries WHERE webhook_id = ANY ($1::uuid[]) AND event_id = $2", [
        webhookIds,
        after,
      ])
    : [];
  if (rows.length < webhookIds.length)
    throw badInput("This cursor does not belong to this list and order. Begin again without one.");
}

function toPage(rows: readonly LoggedDelivery[], size: number, hasPreviousPage: boolean): Page<LoggedDelivery> {
  const edges = rows.slice(0, size).map((node) => ({ cursor: node.eventId, node }));
  return {
    edges,
    pageInfo: {
      hasNextPage: rows.length > size,
      hasPreviousPage,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

async function countOf(db: Db, webhookId: string, status: DeliveryStatus | null): Promise<number> {
  const [counted] = await db.read<{ count: number }>(
    `SELECT count(*)::int AS count FROM webhook_deliveries
     WHERE webhook_id = $1 AND ($2::text IS NULL OR status = $2)`,
    [webhookId, status],
  );
  return counted?.count ?? 0;
}

type Key = Pick<LoggedDelivery, "webhookId" | "position">;

/** The attempts of each delivery so far, oldest first. */
export async function findAttempts(db: Db, deliveries: readonly Key[]): Promise<Attempt[][]> {
  const rows = await db.read<Attempt & Key>(
    `SELECT webhook_id AS "webhookId", position, attempt, started_at AS "startedAt", duration_ms AS "durationMs",
       status_code AS "statusCode", error, response
     FROM webhook_attempts
     WHERE (webhook_id, position) IN (SELECT webhook_id, position FROM unnest($1::uuid[], $2::bigint[]) AS d (webhook_id, position))
     ORDER BY attempt`,
    [deliveries.map(({ webhookId }) => webhookId), deliveries.map(({ position }) => position)],
  );
  const idOf = ({ webhookId, position }: Key) => `${webhookId} ${position}`;
  const found = Map.groupBy(rows, idOf);
  return deliveries.map((delivery) => found.get(idOf(delivery)) ?? []);
}

/** The event of each delivery; null when that part of the log is no longer kept. */
export async function findEvents(db: Db, deliveries: readonly LoggedDelivery[]): Promise<(LoggedEvent | null)[]> {
  const rows = await db.read<EventRow>(`SELECT ${EVENT_COLUMNS} FROM events e WHERE e.position = ANY ($1::bigint[])`, [
    deliveries.map(({ position }) => position),
  ]);
  // By its id: were the log ever restored without the deliveries, a position could hold another event.
  const found = new Map(rows.map((row) => [row.event_id, row]));
  return deliveries.map(({ eventId }) => {
    const row = found.get(eventId);
    return row ? new LoggedEvent(row) : null;
  });
}
