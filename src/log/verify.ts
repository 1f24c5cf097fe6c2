import { createHash } from "node:crypto";
import { type Client, Query } from "pg";
import { connect } from "../db/connect.ts";
import type { KeptHeads } from "./kept-heads.ts";

/** One row that is not as it was written. What is not known of a row that is gone is null. */
export interface Fault {
  /**
   * changed: its content does not match its hash. removed: it is not there any more. inserted: its number was given
   * before. number: its number skips others. rewritten: its hash is not the one that was kept elsewhere.
   */
  readonly what: "changed" | "removed" | "inserted" | "number" | "rewritten";
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
   * link is broken, all kept heads and places of sinks that the log does not have.
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
      '[]') AS floors
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
export async function verifyLog(auditor: Client, { projectId, against }: Scope = {}): Promise<Verification> {
  const { floor, last, floors } = await readBounds(auditor);
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
    // Retention may have taken out what was not read yet: then the log begins elsewhere.
    if ((await readBounds(auditor)).floor > floor) return verifyLog(auditor, { projectId, against });
    const whose = broken.projectId === null ? await whoseGap(auditor, chains, position) : {};
    return { ...verified, olderHeads: 0, faults: [...faults, { ...broken, ...whose }] };
  }
  const heads = [...kept.values()].filter((head) => projectId === undefined || head.projectId === projectId);
  let olderHeads = 0;
  for (const { projectId: project, number, hash } of heads) {
    const begin = begins.get(project) ?? FIRST;
    const end = chains.get(project) ?? FIRST;
    if (number < begin.number) olderHeads++;
    else if (number === begin.number && number > 0 && !begin.hash.equals(fromHex(hash)))
      faults.push({ position: null, projectId: project, number, eventId: null, ...REWRITTEN });
    else if (number > end.number) faults.push(endsEarlier(project, end.number, number));
  }
  if (projectId === undefined) faults.push(...(await lostPlaces(auditor)));
  else if (!chains.has(projectId) && faults.length === 0)
    throw new Error(`The log has no events of project ${projectId}.`);
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

interface Bounds {
  readonly floor: number;
  readonly last: number;
  readonly floors: readonly { project_id: string; number: number; hash: string }[];
}

async function readBounds(auditor: Client): Promise<Bounds> {
  const { rows } = await auditor.query<{ floor: string; last: string; floors: Bounds["floors"] }>(BOUNDS);
  const [row] = rows;
  if (!row) throw new Error("The log has no floor (table log_floor is empty): where it begins is not known.");
  return { floor: Number(row.floor), last: Number(row.last), floors: row.floors };
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
