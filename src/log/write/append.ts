import type { Db } from "../../db/database.ts";
import type { ChangingEventType, EventType, SubjectType } from "../../event-types.ts";
import type { Changes } from "./changes.ts";

/** The stream of events that belong to no project; only unlimited admins read it. */
export const SERVER_STREAM = "_server";

interface Payload {
  readonly [name: string]: unknown;
}

/** What happened: with the whole subject where it begins or ends, and `changes` where it is changed. */
export type Told =
  | { readonly type: ChangingEventType; readonly payload: Payload & { readonly changes: Changes } }
  | { readonly type: Exclude<EventType, ChangingEventType>; readonly payload: Payload };

export type NewEvent = Told & {
  /** null: an event of the server itself. */
  readonly projectId: string | null;
  readonly subjectType: SubjectType;
  readonly subjectId: string;
};

/** The one door for events, as SQL: into these further columns go these values. */
const leaving = (
  columns: string,
  values: string,
  told: string,
) => `INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, payload, ${columns})
  SELECT e.type, coalesce(e.project_id, '${SERVER_STREAM}'), e.subject_type, e.subject_id, e.payload, ${values}
  FROM (${told}) e ORDER BY e.place`;

/**
 * Leaves events by SQL: also for a statement that does a whole change at once, joined with `caller`. Actor, client and
 * correlation id are what `actAs` said. NULL refuses the event of a transaction that acts as nobody.
 * @param told SQL: a query of place (their order), type, project_id, subject_type, subject_id and payload.
 */
export const leaveEvents = (told: string) =>
  leaving("actor", "nullif(current_setting('docket.actor', true), '')", told);

/**
 * The same for a statement that acts for several callers.
 * @param told SQL: a query of the same, and of the actor, client and correlation_id that each event names.
 */
export const leaveEventsOfEach = (told: string) =>
  leaving("actor, client, correlation_id", "e.actor, e.client, e.correlation_id", told);

const APPEND = {
  name: "append-events",
  text: leaveEvents(`SELECT place, e ->> 'type' AS type, e ->> 'projectId' AS project_id, e ->> 'subjectType' AS subject_type,
    e ->> 'subjectId' AS subject_id, e -> 'payload' AS payload
  FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS given(e, place)`),
};

/** A transaction, and what each of its events tells beside. */
interface Writing {
  readonly db: Db;
  readonly mark?: Payload;
}

/**
 * Leaves events in the inbox. Call it in the transaction of the change, which acts as somebody (`actAs`), and after the
 * change, while the subject's row lock is held: that keeps the events of one subject in order.
 */
export async function append({ db, mark }: Writing, ...events: NewEvent[]): Promise<void> {
  const marked = mark ? events.map((event) => ({ ...event, payload: { ...event.payload, ...mark } })) : events;
  if (events.length > 0) await db.write(APPEND, [JSON.stringify(marked)]);
}
