import type { Db, Statement } from "../../db/database.ts";
import type { Direction } from "../../db/page.ts";
import { badInput } from "../../errors.ts";
import type { SubjectType } from "../../event-types.ts";
import { SERVER_STREAM } from "../write/append.ts";
import { eventColumns, LoggedEvent } from "./event.ts";
import type { EventFilter } from "./filter.ts";
import { isNamed, NAMING_NONE, naming } from "./named.ts";
import {
  MOST_BYTES,
  noLongerKept,
  placeBefore,
  type Reading,
  type ReadPage,
  readKept,
  type Sized,
  STORED,
  STORED_BYTES,
  withFloor,
} from "./page.ts";

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
  /** DESC: the newest first, from the end of the log or back from the cursor. Default: ASC. */
  readonly direction?: Direction | undefined;
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
  /** The subject under which an older version told how it came to be, at that very time. */
  readonly former?: { readonly type: SubjectType; readonly id: string; readonly at: Date };
}

/** SQL: a table `e` of events, and which of them belong to what is `wanted`. */
interface Range {
  readonly of: string;
  readonly matching: string;
}

/**
 * One short range of an index for each that is wanted, whatever the size of the log; of each the first event at least,
 * and as many more as fit, in turns.
 */
const ofEach = (name: string, wanted: string, ranges: readonly Range[], direction: Direction) => ({
  name: direction === "ASC" ? name : `${name}-newest-first`,
  text: withFloor(
    `SELECT e.i, ${eventColumns("CASE WHEN $4 THEN e.payload::text END")}, e.found FROM (
    SELECT e.*, count(*) OVER (PARTITION BY e.i) AS found,
      sum(${STORED_BYTES}) OVER (ORDER BY e.nth, e.i) - ${STORED_BYTES} AS before
    FROM (
      SELECT wanted.i, e.*, row_number() OVER (PARTITION BY wanted.i ORDER BY e.position ${direction}) AS nth
      FROM ${wanted} CROSS JOIN LATERAL (${ranges
        .map(
          ({ of, matching }) => `(SELECT ${STORED} FROM ${of} WHERE e.project_id = wanted.project_id AND ${matching}
          AND e.position > greatest($1, f.position) AND e.position <= $2 ORDER BY e.position ${direction} LIMIT $3)`,
        )
        .join(" UNION ALL ")}) e) e) e
    WHERE NOT $4 OR e.nth = 1 OR e.before < ${MOST_BYTES}`,
    `e.i, e.position ${direction}`,
  ),
});

const ofSubjects = (direction: Direction) =>
  ofEach(
    "log-histories",
    `unnest($5::text[], $6::text[], $8::text[], $9::text[], $10::timestamptz[]) WITH ORDINALITY
      AS wanted (project_id, subject_id, former_type, former_id, former_at, i)`,
    [
      { of: "events e", matching: "e.subject_id = wanted.subject_id AND e.subject_type = $7" },
      { of: naming("ARRAY[wanted.subject_id]", isNamed("$7")), matching: "TRUE" },
      {
        of: "events e",
        matching: `e.subject_id = wanted.former_id AND e.subject_type = wanted.former_type AND ${NAMING_NONE}
          AND date_trunc('milliseconds', e.occurred_at) = wanted.former_at`,
      },
    ],
    direction,
  );
const OF_SUBJECTS = { ASC: ofSubjects("ASC"), DESC: ofSubjects("DESC") };

const ofProjects = (direction: Direction) =>
  ofEach(
    "log-project-histories",
    "unnest($5::text[]) WITH ORDINALITY AS wanted (project_id, i)",
    [{ of: "events e", matching: "TRUE" }],
    direction,
  );
const OF_PROJECTS = { ASC: ofProjects("ASC"), DESC: ofProjects("DESC") };

/**
 * The events of each subject, those too that name it beside their own, in the order given. Whether they may be seen is the caller's to know.
 * @throws CURSOR_EXPIRED when what follows `after` has been taken out of the log.
 */
export function readHistories(
  db: Db,
  type: string,
  subjects: readonly SubjectKey[],
  reading: Reading,
): Promise<ReadPage[]> {
  const projects = subjects.map(({ projectId }) => projectId ?? SERVER_STREAM);
  const former = subjects.map((subject) => subject.former);
  const told = [former.map((of) => of?.type), former.map((of) => of?.id), former.map((of) => of?.at)];
  return readEach(db, OF_SUBJECTS, reading, [projects, subjects.map(({ id }) => id), type, ...told]);
}

/** The same of each project: whatever happened in it. */
export const readHistoriesOfProjects = (db: Db, projectIds: readonly string[], reading: Reading): Promise<ReadPage[]> =>
  readEach(db, OF_PROJECTS, reading, [projectIds]);

async function readEach(
  db: Db,
  statements: Readonly<Record<Direction, Statement>>,
  { after, until, limit, payload = true, direction = "ASC" }: Reading,
  wanted: readonly [readonly string[], ...unknown[]],
): Promise<ReadPage[]> {
  const begin = after?.position ?? 0;
  const [from, to] = direction === "ASC" ? [begin, until.position] : [until.position, begin];
  const { rows, floor } = await readKept<Sized & { readonly i: number }>(db, statements[direction], [
    ...[from, to, limit + 1, payload],
    ...wanted,
  ]);
  if (after !== null && floor > after.position) throw noLongerKept();
  const each = Map.groupBy(rows, ({ i }) => i - 1);
  return Promise.all(
    wanted[0].map(async (_, i) => {
      const found = each.get(i) ?? [];
      const events = found.slice(0, limit).map((row) => new LoggedEvent(row));
      const last = events.at(-1);
      if (!last || events.length === found[0]?.found) return { events, place: until };
      return { events, place: direction === "ASC" ? last : await placeBefore(db, last.position) };
    }),
  );
}
