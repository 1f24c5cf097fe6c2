import type { Db } from "../../db/database.ts";
import type { Sink } from "../../log/sinks/sink.ts";
import { SERVER_STREAM } from "../../log/write/append.ts";
import { expandTypes } from "./types.ts";
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

export const BEHIND = {
  name: "webhooks-behind",
  text: `SELECT w.webhook_id AS "webhookId", w.project_ids AS "projectIds", w.event_types AS types
    FROM ${WITH_PLACE}
    WHERE w.paused_at IS NULL AND r.position < ${HEAD} AND (${IS_OLD} OR ${HAS_MORE})
      AND NOT EXISTS (
      SELECT FROM webhook_deliveries d WHERE d.webhook_id = w.webhook_id AND d.status = 'pending' OFFSET ${MOST_PENDING - 1})`,
};

const QUEUE = {
  name: "webhooks-queue",
  text: `INSERT INTO webhook_deliveries
      (webhook_id, position, event_id, event_type, project_id, subject_type, subject_id, next_attempt_at)
    SELECT $1, e.*, docket_now()
    FROM unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[]) e
    ON CONFLICT DO NOTHING`,
};

/** The webhooks for which the log holds more of their projects, or much else, and which have room in their queue. */
export function webhooksBehind(db: Db): Promise<Wanted[]> {
  return db.read<Wanted>(BEHIND);
}

/** Queues what a webhook wants: with its place in the log, so that each event is queued once. */
export function queueOf({ webhookId, projectIds, types }: Wanted): Sink {
  return {
    reader: readerOf(webhookId),
    selection: {
      projects: projectIds && new Set(projectIds),
      server: projectIds === null,
      types: types && new Set(expandTypes(types)),
      subject: null,
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
