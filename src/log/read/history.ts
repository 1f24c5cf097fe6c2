import type { Db } from "../../db/database.ts";
import { badInput } from "../../errors.ts";
import { SERVER_STREAM } from "../write/append.ts";
import type { Place } from "./cursor.ts";
import { type EventRow, eventColumns, LoggedEvent } from "./event.ts";
import type { EventFilter } from "./filter.ts";
import { noLongerKept, type Page, readKept, STORED, withFloor } from "./page.ts";

/** A page of history. */
export interface EventPage {
  readonly events: readonly LoggedEvent[];
  /** The place scanned to, also when nothing matched: pass it as `after` to go on. */
  readonly cursor: string;
  /** Whether that is the end of the log. */
  readonly caughtUp: boolean;
}

export interface HistoryQuery {
  /** A cursor; null: from the oldest kept. */
  readonly after: string | null;
  /** Most events of the page: 1 to 100. */
  readonly first: number;
  /** false: the events' payloads are not read. Default: true. */
  readonly payload?: boolean | undefined;
}

export interface EventsQuery extends HistoryQuery {
  readonly filter: EventFilter;
  /** 0, the default, to 30. */
  readonly waitSeconds?: number | undefined;
  /** Ends the wait when the caller went away. */
  readonly gone?: AbortSignal | undefined;
}

const MOST_EVENTS_OF_A_PAGE = 100;

/** @throws BAD_USER_INPUT for what is no size of a page. */
export function requireFirst(first: number): void {
  if (!Number.isInteger(first) || first < 1 || first > MOST_EVENTS_OF_A_PAGE)
    throw badInput(`first is ${first}; it may be 1 to ${MOST_EVENTS_OF_A_PAGE}. Go on with the page's cursor.`);
}

/** One thing of a type that is asked about. */
export interface SubjectKey {
  /** null: it belongs to no project. */
  readonly projectId: string | null;
  readonly id: string;
}

/** One short range of an index per subject, whatever the size of the log. */
const HISTORIES = {
  name: "log-histories",
  text: withFloor(
    `SELECT wanted.i, ${eventColumns("CASE WHEN $6 THEN e.payload::text END")}
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (project_id, subject_id, i) CROSS JOIN LATERAL (
      SELECT ${STORED} FROM events e
      WHERE e.project_id = wanted.project_id AND e.subject_id = wanted.subject_id AND e.subject_type = $7
        AND e.position > greatest($3, f.position) AND e.position <= $4 ORDER BY e.position LIMIT $5) e`,
    "e.i, e.position",
  ),
};

/**
 * The events of each subject, in the order given. Whether they may be seen is the caller's to know.
 * @param until where the log ends for this reader.
 * @param limit most events of each subject.
 * @throws CURSOR_EXPIRED when what follows `after` has been taken out of the log.
 */
export async function readHistories(
  db: Db,
  type: string,
  subjects: readonly SubjectKey[],
  {
    after,
    until,
    limit,
    payload = true,
  }: { after: Place | null; until: Place; limit: number; payload?: boolean | undefined },
): Promise<Page[]> {
  const { rows, floor } = await readKept<EventRow & { readonly i: number }>(db, HISTORIES, [
    subjects.map(({ projectId }) => projectId ?? SERVER_STREAM),
    subjects.map(({ id }) => id),
    after?.position ?? 0,
    until.position,
    limit + 1,
    payload,
    type,
  ]);
  if (after !== null && floor > after.position) throw noLongerKept();
  const bySubject = Map.groupBy(rows, ({ i }) => i - 1);
  const end = after && after.position > until.position ? after : until;
  return subjects.map((_, i) => {
    const events = (bySubject.get(i) ?? []).map((row) => new LoggedEvent(row));
    const last = events[limit - 1];
    return last && events.length > limit ? { events: events.slice(0, limit), place: last } : { events, place: end };
  });
}
