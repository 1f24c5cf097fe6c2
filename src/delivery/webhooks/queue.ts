import type { Db } from "../../db/database.ts";
import { STORED } from "../../log/read.ts";
import type { Sink } from "../../log/sink.ts";
import { expandTypes } from "./types.ts";
import { readerOf, type Webhook } from "./webhook.ts";

/** Pending deliveries of one webhook above which nothing more is queued for it: the log keeps the rest. */
const MOST_PENDING = 1_000;

type Wanted = Pick<Webhook, "webhookId" | "projectIds" | "types">;

const BEHIND = {
  name: "webhooks-behind",
  text: `SELECT w.webhook_id AS "webhookId", w.project_ids AS "projectIds", w.event_types AS types
    FROM webhooks w JOIN log_readers r ON r.reader = 'webhook:' || w.webhook_id
    WHERE w.paused_at IS NULL AND r.position < (SELECT position FROM events ORDER BY position DESC LIMIT 1)
      AND NOT EXISTS (
      SELECT FROM webhook_deliveries d WHERE d.webhook_id = w.webhook_id AND d.status = 'pending' OFFSET ${MOST_PENDING - 1})`,
};

const QUEUE = {
  name: "webhooks-queue",
  text: `INSERT INTO webhook_deliveries
      (webhook_id, position, event_id, event_type, project_id, subject_type, subject_id, next_attempt_at)
    SELECT $1, e.position, e.event_id, e.event_type, e.project_id, e.subject_type, e.subject_id, docket_now()
    FROM unnest($2::bigint[]) AS taken (position) CROSS JOIN LATERAL (
      SELECT ${STORED} FROM events e WHERE e.position = taken.position OFFSET 0) e
    ON CONFLICT DO NOTHING`,
};

/** The webhooks for which the log holds more than they have looked at, and which have room in their queue. */
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
      tasks: null,
      actors: null,
    },
    async take(events, db) {
      await db.write(QUEUE, [webhookId, events.map(({ position }) => position)]);
    },
  };
}
