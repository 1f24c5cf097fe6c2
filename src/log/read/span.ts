import type { Db } from "../../db/database.ts";
import { momentSql } from "../../db/moment.ts";
import type { Direction } from "../../db/page.ts";
import { parameters } from "../../db/parameters.ts";
import { badInput } from "../../errors.ts";

/** What a caller asks for: instants, or durations back from now. */
export interface AskedSpan {
  /** What happened then is within. */
  readonly since?: string | null | undefined;
  /** What happened then is not. */
  readonly until?: string | null | undefined;
}

/** Events between two instants; null: without an end on that side. */
export interface Span {
  readonly since: Date | null;
  readonly until: Date | null;
}

/**
 * @returns undefined when the whole log is asked for.
 * @throws BAD_USER_INPUT for a bad instant, one to come, and a span that ends before it begins.
 */
export async function spanOf(db: Db, { since, until }: AskedSpan): Promise<Span | undefined> {
  if (since == null && until == null) return undefined;
  const { values, bind } = parameters();
  const at = (given: string | null | undefined, name: string) =>
    given == null ? "NULL" : momentSql(given, bind, name);
  const [span] = await db.read<Span>(
    `SELECT ${at(since, "since")}::timestamptz AS since, ${at(until, "until")}::timestamptz AS until`,
    values,
  );
  if (span?.since && span.until && span.since > span.until)
    throw badInput("since is later than until, so that nothing lies between them. Exchange the two.");
  return span;
}

export const isWithin = (span: Span | undefined, at: Date): boolean =>
  !span || ((span.since === null || at >= span.since) && (span.until === null || at < span.until));

/**
 * The log stands in the order in which transactions ended, and an event bears the time at which it was left. No
 * transaction of ours takes that long.
 */
const MOST_OUT_OF_ORDER_MS = 3_600_000;

/** Each step halves the part of the log in which the place must lie: positions have no holes. */
const LAST_BEFORE = {
  name: "log-last-before",
  text: `WITH RECURSIVE search (low, high) AS (
    SELECT f.position, greatest(f.position, (SELECT max(position) FROM events)) + 1 FROM log_floor f
    UNION ALL
    SELECT CASE WHEN e.occurred_at < $1 THEN e.position ELSE s.low END,
      CASE WHEN e.occurred_at < $1 THEN s.high ELSE e.position END
    FROM search s JOIN events e ON e.position = (s.low + s.high) / 2
    WHERE s.high - s.low > 1
  ) SELECT low AS position FROM search ORDER BY high - low LIMIT 1`,
};

/** A position such that all events of the span lie behind it; few others do. */
export const positionBefore = ({ since }: Span, db: Db) =>
  since && lastBefore(db, new Date(since.getTime() - MOST_OUT_OF_ORDER_MS));

/** A position such that no event of the span lies behind it. */
export const positionAfter = ({ until }: Span, db: Db) =>
  until && lastBefore(db, new Date(until.getTime() + MOST_OUT_OF_ORDER_MS));

const FIRST_OUTSIDE = {
  name: "log-first-outside",
  text: "SELECT position - 1 AS edge FROM events WHERE position > $1 AND occurred_at >= $2 ORDER BY position LIMIT 1",
};
const LAST_OUTSIDE = {
  name: "log-last-outside",
  text: "SELECT position AS edge FROM events WHERE position <= $1 AND occurred_at < $2 ORDER BY position DESC LIMIT 1",
};

/**
 * Where a reader that goes that way first meets what happened outside the span: the position before the first event that
 * happened at `until` or later, or that of the last one that happened before `since`; null when there is none.
 */
export async function edgeOf({ since, until }: Span, direction: Direction, db: Db): Promise<number | null> {
  const instant = direction === "ASC" ? until : since;
  if (instant === null) return null;
  const sign = direction === "ASC" ? -1 : 1;
  const begin = await lastBefore(db, new Date(instant.getTime() + sign * MOST_OUT_OF_ORDER_MS));
  const statement = direction === "ASC" ? FIRST_OUTSIDE : LAST_OUTSIDE;
  const [found] = await db.read<{ edge: number }>(statement, [begin, instant]);
  return found?.edge ?? null;
}

async function lastBefore(db: Db, instant: Date): Promise<number> {
  const [found] = await db.read<{ position: number }>(LAST_BEFORE, [instant]);
  if (!found) throw new Error("The log has no floor: the database is not migrated");
  return found.position;
}
