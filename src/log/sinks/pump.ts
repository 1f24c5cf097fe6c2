import type { Database, Db } from "../../db/database.ts";
import type { Clock } from "../clock.ts";
import type { OutageLogger } from "../outage.ts";
import type { Place } from "../read/cursor.ts";
import { placeAt, readHead, readPage } from "../read/page.ts";
import type { LogSink } from "./sink.ts";

/** Most events that a sink takes at once. */
const SINK_BATCH = 100;

const PLACE = "SELECT position, hash FROM log_readers WHERE reader = $1";
/** Another process that moves the same sink on is not waited for: it does the work. */
const LOCK = { name: "log-reader-lock", text: `${PLACE} FOR UPDATE SKIP LOCKED` };
const MOVE = {
  name: "log-reader-move",
  text: "UPDATE log_readers SET position = $2, hash = $3, moved_at = docket_now() WHERE reader = $1",
};

/** Lets a sink begin where the log ends now, unless it has a place already. */
export async function ensureReader(db: Db, reader: string): Promise<void> {
  const { position, hash } = await readHead(db);
  await db.write("INSERT INTO log_readers (reader, position, hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", [
    reader,
    position,
    hash,
  ]);
}

const DUE = {
  name: "log-reader-due",
  text: `SELECT extract(epoch FROM e.occurred_at - (SELECT docket_now()))::float8 * 1000 AS "dueInMs"
FROM events e WHERE e.position > (SELECT position FROM log_readers WHERE reader = $1) ORDER BY e.position LIMIT 1`,
};

/** How long the first event that a sink has not taken has waited, as negative milliseconds; null: it has them all. */
export async function dueInMs(db: Db, reader: string): Promise<number | null> {
  const [next] = await db.read<{ dueInMs: number }>(DUE, [reader]);
  return next?.dueInMs ?? null;
}

/**
 * Moves a sink on by one batch, in one transaction that holds its place: of all processes one at a time does it, and
 * when that one dies the next goes on at once.
 * @returns whether there is more for it in the log.
 * @throws Error with the sink's own as its cause, DATABASE_UNAVAILABLE
 */
export function pump(database: Database, clock: Clock, logger: OutageLogger, sink: LogSink): Promise<boolean> {
  return database.transaction(
    async (tx) => {
      const [place] = await tx.write<Place>(LOCK, [sink.reader]);
      if (!place) return false;
      const until = await readHead(tx);
      const after = await present(tx, place, sink, logger);
      const page = await readPage(tx, clock, sink.selection, { after, until, limit: SINK_BATCH });
      if (page.events.length > 0) await sink.take(page.events, tx).catch(refuse);
      const { position, hash } = page.place;
      if (position !== place.position || !hash.equals(place.hash)) await tx.write(MOVE, [sink.reader, position, hash]);
      return position < until.position;
    },
    { idempotent: true },
  );
}

/** The place where the log goes on for the sink. What was taken twice is recognised by its event id; a gap is not. */
async function present(db: Db, place: Place, { reader }: LogSink, logger: OutageLogger): Promise<Place | null> {
  const found = await placeAt(db, place.position);
  if (found?.hash.equals(place.hash)) return found;
  logger.error({ reader, position: place.position }, "The log no longer has a sink's place: it gets all that is kept");
  return null;
}

/** A code like ECONNREFUSED says something of the sink's own connection, not of the database's. */
function refuse(cause: unknown): never {
  throw Object.assign(new Error(cause instanceof Error ? cause.message : String(cause), { cause }), {
    code: "SINK_FAILED",
  });
}
