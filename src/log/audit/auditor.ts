import { type Client, Query } from "pg";
import { connect } from "../../db/connect.ts";

/**
 * What a link says of its event `e`: the same text as the database's log_entry(), but not by calling it, as somebody
 * who can rewrite the log can replace a function.
 */
export const ENTRY = `jsonb_build_array(e.position, e.number, e.event_id, e.event_type, e.project_id, e.subject_type,
  e.subject_id, e.actor, e.client, (extract(epoch FROM e.occurred_at) * 1000000)::bigint, e.correlation_id, e.payload)::text`;

/** Rows of one statement. They are not kept, so the size of an event does not matter; snapshots are kept short. */
const BATCH = 10_000;

/** Where the kept log begins and ends, at one moment. */
const BOUNDS = `SELECT f.position AS floor,
    coalesce((SELECT e.position FROM events e ORDER BY e.position DESC LIMIT 1), f.position) AS last,
    coalesce((SELECT json_agg(p) FROM (SELECT project_id, number, encode(hash, 'hex') AS hash FROM project_log_floors) p),
      '[]') AS floors,
    (SELECT e.position FROM events e WHERE e.position <= f.position ORDER BY e.position LIMIT 1) AS below,
    (SELECT min((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \\(''(\\d+)''\\)'))[1]::bigint)
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'public.events'::regclass) AS partitions
  FROM log_floor f`;

const ROWS = `SELECT e.position, e.number, e.event_id, e.project_id, e.hash, ${ENTRY} AS entry FROM events e
  WHERE e.position > $1 AND e.position <= $2`;
const OF_LOG = `${ROWS} ORDER BY e.position LIMIT ${BATCH}`;
const OF_PROJECT = `${ROWS} AND e.project_id = $3 ORDER BY e.position LIMIT ${BATCH}`;

/** Projects ($1) whose chain does not go on from its number ($2) behind a position ($3): the gap is theirs. */
const INTERRUPTED = `SELECT s.project_id, s.number + 1 AS number
  FROM unnest($1::text[], $2::bigint[]) AS s (project_id, number) CROSS JOIN LATERAL (
    SELECT e.number FROM events e WHERE e.project_id = s.project_id AND e.position > $3 ORDER BY e.position LIMIT 1) next
  WHERE next.number <> s.number + 1 LIMIT 2`;

const LOST_PLACES = `SELECT r.reader, r.position FROM log_readers r CROSS JOIN log_floor f
  WHERE r.position > f.position
    AND NOT EXISTS (SELECT FROM events e WHERE e.position = r.position AND substr(e.hash, 1, 8) = r.hash)
  ORDER BY r.position LIMIT 100`;

/** Committed events of a project ($1; null: any) that no drain looks at, as it begins behind the inbox's floor. */
const STRANDED = `SELECT i.event_id, i.project_id, count(*) OVER () AS events
  FROM event_inbox i CROSS JOIN inbox_floor f CROSS JOIN event_inbox_seq_seq s
  WHERE i.seq <= f.floor AND f.floor <= s.last_value AND ($1::text IS NULL OR i.project_id = $1)
  ORDER BY i.seq LIMIT 1`;

/** A row of the log as it is stored, with the text that its hash is of. */
export interface Row {
  readonly position: string;
  readonly number: string;
  readonly event_id: string;
  readonly project_id: string;
  readonly hash: Buffer;
  readonly entry: string;
}

/**
 * Opens a connection to look at the log with: it changes nothing, has no time limits, takes built-in functions before
 * any of the same name in the database, and lets no policy hide rows unnoticed. It walks by indexes, as a plan made
 * without statistics may sort all the rest of the log for each batch. The caller ends it.
 * @throws DATABASE_UNAVAILABLE
 */
export async function connectAuditor(ownerUrl: string): Promise<Client> {
  const auditor = await connect(ownerUrl, "docket audit");
  await auditor.query(`SET default_transaction_read_only = on; SET statement_timeout = 0; SET row_security = off;
    SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET search_path = pg_catalog, public, pg_temp`);
  return auditor;
}

/** Where the kept log begins and ends. */
export interface Bounds {
  readonly floor: number;
  readonly last: number;
  /** A position that lies where nothing should be any more. */
  readonly below: number | null;
  /** Where the oldest partition begins. */
  readonly partitions: number;
  readonly floors: readonly { project_id: string; number: number; hash: string }[];
}

type Positions = "floor" | "last" | "below" | "partitions";

/** As it is at this moment. */
export async function readBounds(auditor: Client): Promise<Bounds> {
  const { rows } = await auditor.query<Record<Positions, string | null> & { floors: Bounds["floors"] }>(BOUNDS);
  const [row] = rows;
  if (!row) throw new Error("The log has no floor (table log_floor is empty): where it begins is not known.");
  const { floor, last, below, partitions, floors } = row;
  return {
    floor: Number(floor),
    last: Number(last),
    below: below === null ? null : Number(below),
    partitions: Number(partitions),
    floors,
  };
}

/** Reads rows behind a position, of one project or of all, and hands over each as it comes from the socket; none is kept. */
export function eachRow(
  auditor: Client,
  { after, last, projectId }: { after: number; last: number; projectId: string | undefined },
  onRow: (row: Row) => void,
): Promise<void> {
  const query =
    projectId === undefined
      ? new Query<Row>(OF_LOG, [after, last])
      : new Query<Row>(OF_PROJECT, [after, last, projectId]);
  return new Promise((resolve, reject) => {
    query.on("row", onRow);
    query.on("end", () => resolve());
    query.on("error", reject);
    auditor.query(query);
  });
}

/** The projects whose chain does not go on from its number behind `position`; two at most. */
export async function readInterrupted(
  auditor: Client,
  numbers: ReadonlyMap<string, number>,
  position: number,
): Promise<{ projectId: string; number: number }[]> {
  const { rows } = await auditor.query<{ project_id: string; number: string }>(INTERRUPTED, [
    [...numbers.keys()],
    [...numbers.values()],
    position,
  ]);
  return rows.map(({ project_id, number }) => ({ projectId: project_id, number: Number(number) }));
}

/** The place of a sink at which the log has another event, or none. */
export interface LostPlace {
  readonly reader: string;
  readonly position: string;
}

export async function readLostPlaces(auditor: Client): Promise<LostPlace[]> {
  return (await auditor.query<LostPlace>(LOST_PLACES)).rows;
}

/** The first event of those that no drain looks at, and how many there are. */
export interface Stranded {
  readonly event_id: string;
  readonly project_id: string;
  readonly events: string;
}

export async function readStranded(auditor: Client, projectId: string | null): Promise<Stranded[]> {
  return (await auditor.query<Stranded>(STRANDED, [projectId])).rows;
}
