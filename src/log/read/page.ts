import type { Db, Statement } from "../../db/database.ts";
import type { Direction } from "../../db/page.ts";
import { cursorExpired } from "../../errors.ts";
import type { Clock } from "../clock.ts";
import { SERVER_STREAM } from "../write/append.ts";
import type { Place } from "./cursor.ts";
import { type EventRow, eventColumns, LoggedEvent } from "./event.ts";
import type { Selection } from "./filter.ts";
import { namable, naming } from "./named.ts";

/** What a reader got: the selected events in the order it asked for, and the place it has scanned to. */
export interface ReadPage {
  readonly events: readonly LoggedEvent[];
  readonly place: Place;
}

/**
 * Positions that the first statement of a page walks through; each further one walks through twice as many. Without such
 * a bound PostgreSQL may plan to sort all the rest of the log for one page.
 */
const FIRST_WINDOW = 1_000;
/** The most that one statement walks through where it may meet many events that are not selected. */
const LARGEST_SPARSE_WINDOW = 50_000;
/** A reader of a filter that matches little gets what was found by then, and goes on from its cursor. */
const BUDGET_MS = 1_000;

const RANGE = "e.position > $1 AND e.position <= $2";
const CHOSEN = `($4::text[] IS NULL OR e.event_type = ANY ($4)) AND ($5::text[] IS NULL OR e.actor = ANY ($5))
  AND ($7::timestamptz IS NULL OR e.occurred_at >= $7) AND ($8::timestamptz IS NULL OR e.occurred_at < $8)`;
/** The columns of `e` as they are in the table. */
export const STORED = `e.position, e.number, e.event_id, e.event_type, e.project_id, e.subject_type, e.subject_id, e.actor,
  e.client, e.occurred_at, e.correlation_id, e.payload, e.hash`;

/** Payloads that one statement reads, in bytes as they are stored. */
export const MOST_BYTES = 1_000_000;
/** Text that repeats itself is stored in a hundredth of its size at best; how small it is cannot be asked cheaply. */
export const STORED_BYTES = `pg_column_size(e.payload) * CASE WHEN pg_column_compression(e.payload) IS NULL THEN 1 ELSE 10 END`;
/** The first of the rows, one at least, as many as fit, and how many there were. */
const bySize = (stored: string, order: string) =>
  `SELECT ${eventColumns("CASE WHEN $6 THEN e.payload::text END")}, e.found FROM (
    SELECT e.*, count(*) OVER () AS found,
      sum(${STORED_BYTES}) OVER (ORDER BY ${order}) - ${STORED_BYTES} AS before
    FROM (${stored} ORDER BY ${order} LIMIT $3) e) e
  WHERE NOT $6 OR e.before < ${MOST_BYTES}`;

/**
 * With where the kept log begins, seen at the same moment: what lies between a reader's place and there may have been
 * taken out just before, and must not pass for nothing. One row at least, without an event when there is none.
 */
export const withFloor = (events: string, order = "e.position") =>
  `SELECT f.position AS floor, e.* FROM log_floor f LEFT JOIN LATERAL (${events}) e ON true ORDER BY ${order}`;

const WANTED = "unnest($11::text[], $12::text[]) AS wanted (subject_type, subject_id)";

/** The statements that read a range of the log in one direction. */
function statements(direction: Direction) {
  const order = `e.position ${direction}`;
  const statement = (name: string, stored: string) => ({
    name: direction === "ASC" ? name : `${name}-newest-first`,
    text: withFloor(bySize(stored, order), order),
  });
  return {
    wholeLog: statement(
      "log-page",
      `SELECT ${STORED} FROM events e WHERE ${RANGE} AND ($9 OR e.project_id <> '${SERVER_STREAM}') AND ${CHOSEN}`,
    ),
    // One short range of an index per project, so that the size of the log does not matter.
    ofProjects: statement(
      "log-page-of-projects",
      `SELECT ${STORED} FROM unnest($9::text[]) AS wanted (project_id) CROSS JOIN LATERAL (
      SELECT ${STORED} FROM events e WHERE e.project_id = wanted.project_id AND ${RANGE} AND ${CHOSEN}
      ORDER BY ${order} LIMIT $3) e`,
    ),
    ofSubjects: statement(
      "log-page-of-subjects",
      `SELECT ${STORED} FROM (
      SELECT e.* FROM project_log_heads h CROSS JOIN ${WANTED} CROSS JOIN LATERAL (
        SELECT ${STORED} FROM events e
        WHERE e.project_id = h.project_id AND e.subject_id = wanted.subject_id AND e.subject_type = wanted.subject_type
          AND ${RANGE} AND ${CHOSEN} ORDER BY ${order} LIMIT $3) e
      WHERE ($9 OR h.project_id <> '${SERVER_STREAM}') AND ($10::text[] IS NULL OR h.project_id = ANY ($10))
      UNION ALL
      SELECT ${STORED} FROM ${naming("$13", "cardinality($13::text[]) > 0")}
      WHERE ${RANGE} AND ${CHOSEN} AND ($9 OR e.project_id <> '${SERVER_STREAM}') AND ($10::text[] IS NULL OR e.project_id = ANY ($10))
        AND (e.subject_type, e.subject_id) NOT IN (SELECT wanted.subject_type, wanted.subject_id FROM ${WANTED})) e`,
    ),
  };
}
const STATEMENTS = { ASC: statements("ASC"), DESC: statements("DESC") };

export interface Reading {
  /** A place that the log has; null: the oldest that is kept, which is where only readers in its order begin. */
  readonly after: Place | null;
  /** Where the log ends for this reader; what lies behind it is not looked at. */
  readonly until: Place;
  /**
   * Most events of the page. It holds fewer before `until` is reached where they are large, or hard to find: its place
   * says how far it got.
   */
  readonly limit: number;
  /** false: the events' payloads are not read. Default: true. */
  readonly payload?: boolean | undefined;
  /**
   * DESC: from the newest to the oldest. Default: in the order of the log. A place lies between two events, so that it
   * means the same in both directions.
   */
  readonly direction?: Direction | undefined;
  /** Whether the page may end at a position because its events are hard to find. Default: at any. */
  readonly mayEndAt?: (position: number) => Promise<boolean>;
}

/**
 * Reads the log from a place of the caller's own: what `events` answers, what a stream replays, and all that a sink
 * needs besides its cursor.
 * @throws CURSOR_EXPIRED when what follows `after` has been taken out of the log.
 */
export async function readPage(db: Db, clock: Clock, selection: Selection, reading: Reading): Promise<ReadPage> {
  const { after, until, limit, payload = true, direction = "ASC", mayEndAt = async () => true } = reading;
  const giveUpAt = clock.now() + BUDGET_MS;
  const begin = after ?? (await readFloor(db));
  const events: LoggedEvent[] = [];
  const largest = isSparse(selection) ? LARGEST_SPARSE_WINDOW : Number.MAX_SAFE_INTEGER;
  const sign = direction === "ASC" ? 1 : -1;
  /** How far it still is from a position to the end. */
  const left = (position: number) => sign * (until.position - position);
  const past = async (event: LoggedEvent) => (direction === "ASC" ? event : placeBefore(db, event.position));
  let window = Math.max(FIRST_WINDOW, limit + 1);
  for (let from = begin.position; left(from) > 0; ) {
    const to = from + sign * Math.min(window, left(from));
    const range = { from: Math.min(from, to), to: Math.max(from, to), limit: limit + 1 - events.length };
    const { rows, floor } = await readRange(db, { selection, payload, direction }, range);
    if (floor > from) {
      if (after === null) return readPage(db, clock, selection, reading);
      throw noLongerKept();
    }
    for (const row of rows) events.push(new LoggedEvent(row));
    const last = events[limit - 1];
    if (last && events.length > limit) return { events: events.slice(0, limit), place: await past(last) };
    const end = events.at(-1);
    if (end && rows.length < (rows[0]?.found ?? 0)) return { events, place: await past(end) };
    from = to;
    window = Math.min(window * 2, largest);
    if (left(to) > 0 && clock.now() > giveUpAt && (await mayEndAt(to)))
      return { events, place: (await placeAt(db, to)) ?? (end && (await past(end))) ?? begin };
  }
  return { events, place: left(begin.position) > 0 ? until : begin };
}

/** A row of a page that is cut where its payloads are large. */
export interface Sized extends EventRow {
  /** Rows of the range that are no larger than its limit; those that follow are too much for one statement. */
  readonly found: number;
}

interface Wanted {
  readonly selection: Selection;
  readonly payload: boolean;
  readonly direction: Direction;
}

/** The positions behind `from` as far as `to`, and the most events to read of them. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

async function readRange(db: Db, { selection, payload, direction }: Wanted, { from, to, limit }: Range) {
  const { projects, server, subjects, span } = selection;
  const { wholeLog, ofProjects, ofSubjects } = STATEMENTS[direction];
  const values = [
    ...[from, to, limit, list(selection.types), list(selection.actors), payload],
    ...[span?.since ?? null, span?.until ?? null],
  ];
  if (subjects) {
    const wanted = [...subjects].flatMap(([type, ids]) => [...ids].map((id) => ({ type, id })));
    const [ofTypes, ids] = [wanted.map(({ type }) => type), wanted.map(({ id }) => id)];
    return readKept<Sized>(db, ofSubjects, [...values, server, list(projects), ofTypes, ids, namable(subjects)]);
  }
  if (projects) return readKept<Sized>(db, ofProjects, [...values, list(projects)]);
  return readKept<Sized>(db, wholeLog, [...values, server]);
}

/**
 * Runs a statement made by `withFloor`.
 * @returns its events, and the position after which the kept log begins.
 */
export async function readKept<Row extends EventRow>(
  db: Db,
  statement: Statement,
  values: readonly unknown[],
): Promise<{ readonly rows: Row[]; readonly floor: number }> {
  const found = await db.read<{ readonly floor: number } & (Row | { readonly position: null })>(statement, values);
  const [first] = found;
  if (!first) throw new Error("The log has no floor: the database is not migrated");
  return { rows: found.filter((row) => row.position !== null), floor: first.floor };
}

export const noLongerKept = () => cursorExpired("What follows this cursor is older than what is kept of the log.");

/** Whether a statement may walk through many events before it meets one that is selected. */
function isSparse({ types, actors, subjects }: Selection): boolean {
  return subjects === null && (types !== null || actors !== null);
}

const list = (values: ReadonlySet<string> | null) => values && [...values];

const HEAD = {
  name: "log-head",
  text: `SELECT coalesce(e.position, 0) AS position,
      coalesce(substr(e.hash, 1, 8), decode('0000000000000000', 'hex')) AS hash, h.cursor_key AS "cursorKey"
    FROM log_head h LEFT JOIN LATERAL (
      SELECT position, hash FROM events ORDER BY position DESC LIMIT 1) e ON true`,
};

/** Where the log ends, and the key that its cursors are encrypted with. */
export async function readHead(db: Db): Promise<Place & { readonly cursorKey: Buffer }> {
  const [head] = await db.read<Place & { cursorKey: Buffer }>(HEAD);
  if (!head) throw new Error("The log has no head: the database is not migrated");
  return head;
}

const PLACE = {
  name: "log-place",
  text: `SELECT substr(hash, 1, 8) AS hash FROM events WHERE position = $1
    UNION ALL SELECT substr(hash, 1, 8) FROM log_floor WHERE position = $1`,
};

/** The place after the event at `position`, or where the kept log begins; undefined when the log does not have it. */
export async function placeAt(db: Db, position: number): Promise<Place | undefined> {
  const [row] = await db.read<{ hash: Buffer }>(PLACE, [position]);
  return row && { position, hash: row.hash };
}

/** The place before the event at `position`, where the kept log begins when the one before is gone. */
export const placeBefore = async (db: Db, position: number): Promise<Place> =>
  (await placeAt(db, position - 1)) ?? (await readFloor(db));

const AT = {
  name: "log-events-at",
  text: `SELECT ${eventColumns()} FROM events e
    WHERE e.position = ANY ($1::bigint[]) AND e.position > (SELECT position FROM log_floor)`,
};

/** The events at these places that the log still has, in their order; undefined where it has another one, or none. */
export async function eventsAt(db: Db, places: readonly Place[]): Promise<(LoggedEvent | undefined)[]> {
  const rows = await db.read<EventRow>(AT, [places.map(({ position }) => position)]);
  const found = new Map(rows.map((row) => [row.position, row]));
  return places.map(({ position, hash }) => {
    const row = found.get(position);
    return row?.hash.equals(hash) ? new LoggedEvent(row) : undefined;
  });
}

const FLOOR = { name: "log-floor", text: "SELECT position, substr(hash, 1, 8) AS hash FROM log_floor" };

export async function readFloor(db: Db): Promise<Place> {
  const [floor] = await db.read<Place>(FLOOR);
  if (!floor) throw new Error("The log has no floor: the database is not migrated");
  return floor;
}
