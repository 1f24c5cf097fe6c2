import type { Db } from "../../db/database.ts";
import { expandTypes } from "../../log/read/type-patterns.ts";
import type { LogSink } from "../../log/sinks/sink.ts";
import { SERVER_STREAM } from "../../log/write/append.ts";
import { NEXT_OF_EACH_SUBJECT } from "./claim.ts";
import { HAS_MORE, HEAD, readerOf, type Webhook, WITH_PLACE } from "./webhook.ts";

/** Pending deliveries of one webhook above which nothing more is queued for it: the log keeps the rest. */
const MOST_PENDING = 1_000;

/** Events of other projects after which a place moves on as well. */
const MOST_PASSED = 10_000;

type Wanted = Pick<Webhook, "webhookId" | "projectIds" | "types">;

/**
 * A place that nothing of its projects moves on has to move now and then all the same: the oldest part of the log is
 * taken out at some time, and a place within it would be lost.
 */
const IS_OLD = `(r.position < ${HEAD} - ${MOST_PASSED} OR r.moved_at < (SELECT docket_now()) - interval '1 day')`;

/** Whether more is queued for it. */
const HAS_ROOM = `NOT EXISTS (
      SELECT FROM webhook_deliveries d WHERE d.webhook_id = w.webhook_id AND d.status = 'pending' OFFSET ${MOST_PENDING - 1})`;

export const BEHIND = {
  name: "webhooks-behind",
  text: `SELECT w.webhook_id AS "webhookId", w.project_ids AS "projectIds", w.event_types AS types
    FROM ${WITH_PLACE}
    WHERE w.paused_at IS NULL AND r.position < ${HEAD} AND (${IS_OLD} OR ${HAS_MORE}) AND ${HAS_ROOM}`,
};

const QUEUE = {
  name: "webhooks-queue",
  text: `INSERT INTO webhook_deliveries
      (webhook_id, position, event_id, event_type, project_id, subject_type, subject_id, next_attempt_at)
    SELECT $1, e.*, docket_now()
    FROM unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[]) e
    ON CONFLICT DO NOTHING`,
};

const DUE = {
  name: "webhooks-due",
  text: `SELECT extract(epoch FROM min(due.at) - (SELECT docket_now()))::float8 * 1000 AS "dueInMs" FROM (
      SELECT d.next_attempt_at AS at FROM ${NEXT_OF_EACH_SUBJECT}
      UNION ALL
      SELECT next.occurred_at FROM ${WITH_PLACE} CROSS JOIN LATERAL (
        SELECT e.occurred_at FROM events e WHERE e.position > r.position ORDER BY e.position LIMIT 1) next
      WHERE w.paused_at IS NULL AND w.project_ids IS NULL AND ${HAS_ROOM}
      UNION ALL
      SELECT next.occurred_at FROM ${WITH_PLACE} CROSS JOIN unnest(w.project_ids) AS wanted (project_id) CROSS JOIN LATERAL (
        SELECT e.project_id, e.occurred_at FROM events e WHERE (e.project_id, e.position) > (wanted.project_id, r.position)
        ORDER BY e.project_id, e.position LIMIT 1) next
      WHERE w.paused_at IS NULL AND next.project_id = wanted.project_id AND ${HAS_ROOM}) due`,
};

/**
 * Milliseconds until the next delivery is to be sent; negative when one, or an event that is not queued yet, has waited.
 * null: nothing is pending. Nothing counts that is paused, or waits for what went before it.
 */
export async function deliveriesDueInMs(db: Db): Promise<number | null> {
  const [due] = await db.read<{ dueInMs: number | null }>(DUE);
  return due?.dueInMs ?? null;
}

/** The webhooks for which the log holds more of their projects, or much else, and which have room in their queue. */
export function webhooksBehind(db: Db): Promise<Wanted[]> {
  return db.read<Wanted>(BEHIND);
}

/** Queues what a webhook wants: with its place in the log, so that each event is queued once. */
export function queueOf({ webhookId, projectIds, types }: Wanted): LogSink {
  return {
    reader: readerOf(webhookId),
    selection: {
      projects: projectIds && new Set(projectIds),
      server: projectIds === null,
      types: types && new Set(expandTypes(types)),
      subjects: null,
      actors: null,
    },
    async take(events, db) {
      await db.write(QUEUE, [
        webhookId,
        events.map(({ position }) => position),
        events.map(({ eventId }) => eventId),
        events.map(({ type }) => type),
        events.map(({ projectId }) => projectId ?? SERVER_STREAM),
        events.map(({ subjectType }) => subjectType),
        events.map(({ subjectId }) => subjectId),
      ]);
    },
  };
}
