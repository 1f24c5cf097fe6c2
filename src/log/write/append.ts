import type { Db } from "../../db/database.ts";
import type { EventType, SubjectType } from "../../event-types.ts";

/** The stream of events that belong to no project; only unlimited admins read it. */
export const SERVER_STREAM = "_server";

export interface NewEvent {
  readonly type: EventType;
  /** null: an event of the server itself. */
  readonly projectId: string | null;
  readonly subjectType: SubjectType;
  readonly subjectId: string;
  /** The whole subject where it begins or ends; `changes` (see `changesBetween`) where it is changed. */
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Actor, client and correlation id are what `actAs` said. NULL refuses the event of a transaction that acts as nobody. */
const APPEND = {
  name: "append-events",
  text: `INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, payload, actor)
SELECT e ->> 'type', coalesce(e ->> 'projectId', '${SERVER_STREAM}'), e ->> 'subjectType', e ->> 'subjectId', e -> 'payload',
  nullif(current_setting('docket.actor', true), '')
FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS given(e, i) ORDER BY i`,
};

/**
 * Leaves events in the inbox. Call it in the transaction of the change, which acts as somebody (`actAs`), and after the
 * change, while the subject's row lock is held: that keeps the events of one subject in order.
 */
export async function append({ db }: { readonly db: Db }, ...events: NewEvent[]): Promise<void> {
  if (events.length > 0) await db.write(APPEND, [JSON.stringify(events)]);
}
