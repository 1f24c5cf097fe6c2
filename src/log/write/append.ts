import type { Context } from "../../access/viewer.ts";
import type { EventType, SubjectType } from "../../event-types.ts";

/** The stream of events that belong to no project; only unlimited admins read it. */
export const SERVER_STREAM = "_server";

export interface NewEvent {
  readonly type: EventType;
  /** null: an event of the server itself. */
  readonly projectId: string | null;
  readonly subjectType: SubjectType;
  readonly subjectId: string;
  /** Whole subject for created, completed and deleted; `{changes: {field: {old, new}}}` for an update. */
  readonly payload: Readonly<Record<string, unknown>>;
}

const APPEND = {
  name: "append-events",
  text: `INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, client, correlation_id, payload)
SELECT e ->> 'type', coalesce(e ->> 'projectId', '${SERVER_STREAM}'), e ->> 'subjectType', e ->> 'subjectId', $2, $3, $4, e -> 'payload'
FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS given(e, i) ORDER BY i`,
};

/**
 * Leaves events in the inbox. Call it in the transaction of the change and after the change, while the subject's row
 * lock is held: that keeps the events of one subject in order.
 */
export async function append({ db, viewer, correlationId }: Context, ...events: NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await db.write(APPEND, [JSON.stringify(events), viewer.actor, viewer.client, correlationId]);
}
