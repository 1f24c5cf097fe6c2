import { createHash } from "node:crypto";
import { type Client, Query } from "pg";
import { connect } from "../../db/connect.ts";
import type { KeptHeads } from "./kept-heads.ts";

/** One row that is not as it was written. What is not known of a row that is gone is null. */
export interface Fault {
  /**
   * changed: its content does not match its hash. removed: it is not there any more. inserted: its number was given
   * before. number: its number skips others. rewritten: its hash is not the one that was kept elsewhere. floor: retention
   * has not put the beginning of the log there. stranded: it was committed and can never come into the log.
   */
  readonly what: "changed" | "removed" | "inserted" | "number" | "rewritten" | "floor" | "stranded";
  readonly position: number | null;
  /** `_server` for the server's own events. */
  readonly projectId: string | null;
  readonly number: number | null;
  readonly eventId: string | null;
  /** For a person. */
  readonly reason: string;
}

export interface Verification {
  /** How many events were read. */
  readonly events: number;
  readonly projects: number;
  /** The last position that was taken out of the log; 0 when it is all there. */
  readonly floor: number;
  /** Kept heads that lie in parts that were taken out, so that nothing can be said of them. */
  readonly olderHeads: number;
  /**
   * The first broken row; after it nothing is read. Before it stand kept heads that differ in earlier rows, and where no
   * link is broken, all kept heads and places of sinks that the log does not have. What is stranded comes last.
   */
  readonly faults: readonly Fault[];
}

export interface Scope {
  /** Only the chain of this project; positions are not judged then. */
  readonly projectId?: string | undefined;
  /** Heads that were kept elsewhere. */
  readonly against?: KeptHeads | undefined;
}

/**
 * What a link says of its event `e`: the same text as the database's log_entry(), but not by calling it, as who can
 * rewrite the log can replace a function.
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

interface Row {
  readonly position: string;
  readonly number: string;
  readonly event_id: string;
  readonly project_id: string;
  readonly hash: Buffer;
  readonly entry: string;
}

interface Link {
  readonly number: number;
  readonly hash: Buffer;
}

const FIRST: Link = { number: 0, hash: Buffer.alloc(0) };

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

/**
 * Walks the log from where it begins to where it ends now, and checks every position, number and link of every chain.
 * Needs little memory and a few seconds per million events; the server may run on.
 * @param auditor from connectAuditor().
 * @throws Error when the project has no events.
 */
export async function verifyLog(auditor: Client, scope: Scope = {}): Promise<Verification> {
  const { projectId } = scope;
  for (;;) {
    const bounds = await readBounds(auditor);
    const found = await walk(auditor, bounds, scope);
    const moved = floorFaults(bounds, scope.against);
    const isMissing = projectId !== undefined && found.events === 0 && !hasFloor(bounds, projectId);
    // Retention may have taken out what was not read yet: then the log begins elsewhere.
    if ((found.faults.length + moved.length > 0 || isMissing) && (await readBounds(auditor)).floor > bounds.floor)
      continue;
    const faults = [...moved, ...found.faults, ...(await stranded(auditor, projectId))];
    if (isMissing && faults.length === 0) throw new Error(`The log has no events of project ${projectId}.`);
    return { ...found, faults };
  }
}

/** From `floor` to `last`, by the index. */
async function walk(
  auditor: Client,
  { floor, last, floors }: Bounds,
  { projectId, against }: Scope,
): Promise<Verification> {
  const begins = new Map(floors.map((one) => [one.project_id, { number: one.number, hash: fromHex(one.hash) }]));
  const chains = new Map<string, Link>(begins);
  const kept = new Map(against?.heads.map((head) => [head.projectId, head]));
  const seen = new Set<string>();
  const faults: Fault[] = [];
  let events = 0;
  let position = floor;
  let broken: Fault | undefined;

  const check = (row: Row) => {
    if (broken) return;
    const link = chains.get(row.project_id) ?? FIRST;
    broken = faultOf(row, link, projectId === undefined ? position + 1 : null);
    if (broken) return;
    const { hash } = row;
    const number = Number(row.number);
    const head = kept.get(row.project_id);
    if (head?.number === number && !fromHex(head.hash).equals(hash)) faults.push({ ...rowOf(row), ...REWRITTEN });
    chains.set(row.project_id, { number, hash });
    seen.add(row.project_id);
    position = Number(row.position);
    events++;
  };
  for (let before = -1; before !== events && !broken; ) {
    before = events;
    if (projectId === undefined) await eachRow(auditor, OF_LOG, [position, last], check);
    else await eachRow(auditor, OF_PROJECT, [position, last, projectId], check);
  }

  const verified = { events, projects: seen.size, floor };
  if (broken) {
    const whose = broken.projectId === null ? await whoseGap(auditor, chains, position) : {};
    return { ...verified, olderHeads: 0, faults: [...faults, { ...broken, ...whose }] };
  }
  const heads = [...kept.values()].filter((head) => projectId === undefined || head.projectId === projectId);
  let olderHeads = 0;
  for (const { projectId: project, number, hash } of heads) {
    const begin = begins.get(project) ?? FIRST;
    const end = chains.get(project) ?? FIRST;
    if (number < begin.number && against && isYoung(against)) faults.push(beginsLater(project, begin.number, number));
    else if (number < begin.number) olderHeads++;
    else if (number === begin.number && number > 0 && !begin.hash.equals(fromHex(hash)))
      faults.push({ position: null, projectId: project, number, eventId: null, ...REWRITTEN });
    else if (number > end.number) faults.push(endsEarlier(project, end.number, number));
  }
  if (projectId === undefined) faults.push(...(await lostPlaces(auditor)));
  return { ...verified, olderHeads, faults };
}

/** @param expected the position it should have; null: not judged. */
function faultOf(row: Row, { number, hash }: Link, expected: number | null): Fault | undefined {
  const position = Number(row.position);
  const given = Number(row.number);
  if (expected !== null && position > expected) {
    const reason = position === expected + 1 ? "it is missing" : `positions ${expected} to ${position - 1} are missing`;
    return { what: "removed", position: expected, projectId: null, number: null, eventId: null, reason };
  }
  if (given <= number)
    return { ...rowOf(row), what: "inserted", reason: `its project had come to number ${number} before` };
  if (given > number + 1 && expected === null) {
    const reason = `number ${given} follows on number ${number}`;
    return { what: "removed", position: null, projectId: row.project_id, number: number + 1, eventId: null, reason };
  }
  if (given > number + 1)
    return { ...rowOf(row), what: "number", reason: `it follows on number ${number} of its project` };
  if (createHash("sha256").update(hash).update(row.entry).digest().equals(row.hash)) return undefined;
  const reason = "its hash does not follow from it and the event before: it was changed, or put in by hand";
  return { ...rowOf(row), what: "changed", reason };
}

const rowOf = (row: Row) => ({
  position: Number(row.position),
  projectId: row.project_id,
  number: Number(row.number),
  eventId: row.event_id,
});

const REWRITTEN = {
  what: "rewritten",
  reason: "its hash is not the one that was kept: this event, or one before it, was changed and the chain made anew",
} as const;

function endsEarlier(projectId: string, last: number, number: number): Fault {
  const reason = `the project's chain ends at number ${last}, and the head that was kept is number ${number}`;
  return { what: "removed", position: null, projectId, number: last + 1, eventId: null, reason };
}

function beginsLater(projectId: string, begin: number, number: number): Fault {
  const reason = `the project's chain begins after number ${begin}, and the head of less than a month ago is number ${number}: retention keeps a month`;
  return { what: "removed", position: null, projectId, number, eventId: null, reason };
}

/** Retention takes out whole partitions, and nothing that is younger than a month: all else was somebody's hand. */
function floorFaults({ floor, below, partitions }: Bounds, against: KeptHeads | undefined): Fault[] {
  const fault = (position: number, reason: string): Fault[] => [
    { what: "floor", position, projectId: null, number: null, eventId: null, reason },
  ];
  if (below !== null) return fault(below, `it is in the log, which is said to begin after position ${floor}`);
  if (partitions !== floor + 1)
    return fault(floor, `the log is said to begin after it, and its oldest partition begins at ${partitions}`);
  if (against && floor > against.floor && floor >= against.position && isYoung(against))
    return fault(floor, "the log is said to begin after it, and less than a month ago it ended before");
  return [];
}

/** Whether the heads were taken so lately that nothing of the log as it was then can have been taken out for its age. */
const isYoung = ({ takenAt }: KeptHeads) => Date.now() - Date.parse(takenAt) < MONTH_MS;
const MONTH_MS = 28 * 86_400_000;

async function lostPlaces(auditor: Client): Promise<Fault[]> {
  const { rows } = await auditor.query<{ reader: string; position: string }>(LOST_PLACES);
  return rows.map(({ reader, position }) => ({
    what: "rewritten",
    position: Number(position),
    projectId: null,
    number: null,
    eventId: null,
    reason: `the sink ${reader} has read another event here than the log has, or the log ends before`,
  }));
}

async function stranded(auditor: Client, projectId: string | undefined): Promise<Fault[]> {
  const { rows } = await auditor.query<{ event_id: string; project_id: string; events: string }>(STRANDED, [
    projectId ?? null,
  ]);
  return rows.map(({ event_id, project_id, events }) => {
    const all = events === "1" ? "it waits" : `it and ${Number(events) - 1} more wait`;
    const reason = `${all} in event_inbox at or below inbox_floor, where no drain looks: somebody has meddled there`;
    return { what: "stranded", position: null, projectId: project_id, number: null, eventId: event_id, reason };
  });
}

/** Of which project the event behind `position` is missing, where only one can be meant. */
async function whoseGap(auditor: Client, chains: ReadonlyMap<string, Link>, position: number): Promise<Partial<Fault>> {
  const numbers = [...chains.values()].map(({ number }) => number);
  const { rows } = await auditor.query<{ project_id: string; number: string }>(INTERRUPTED, [
    [...chains.keys()],
    numbers,
    position,
  ]);
  const [one, another] = rows;
  return one && !another ? { projectId: one.project_id, number: Number(one.number) } : {};
}

const hasFloor = ({ floors }: Bounds, projectId: string) => floors.some(({ project_id }) => project_id === projectId);

interface Bounds {
  readonly floor: number;
  readonly last: number;
  /** A position that lies where nothing should be any more. */
  readonly below: number | null;
  /** Where the oldest partition begins. */
  readonly partitions: number;
  readonly floors: readonly { project_id: string; number: number; hash: string }[];
}

type Positions = "floor" | "last" | "below" | "partitions";

async function readBounds(auditor: Client): Promise<Bounds> {
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

/** Hands over each row as it comes from the socket, and keeps none. */
function eachRow(auditor: Client, text: string, values: unknown[], onRow: (row: Row) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const query = new Query<Row>(text, values);
    query.on("row", onRow);
    query.on("end", () => resolve());
    query.on("error", reject);
    auditor.query(query);
  });
}

const fromHex = (hex: string) => Buffer.from(hex, "hex");
