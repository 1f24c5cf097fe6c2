import type { Db, Statement } from "../../db/database.ts";
import { errorCode, SERIALIZATION_FAILURE, UNIQUE_VIOLATION } from "../../db/faults.ts";
import type { TaskKey } from "../task.ts";

export type Side = "before" | "after" | "first";

/** Any number that no other lock of the database has. */
const PLACES = 7_013_914;

/**
 * The lock of all places, of the whole server, before any row's. Moves share it, as the index refuses two of one place; making
 * room keeps them waiting. Nobody else has it, claims least of all.
 */
export const LOCK_PLACES = {
  shared: `SELECT pg_advisory_xact_lock_shared(${PLACES})`,
  exclusive: `SELECT pg_advisory_xact_lock(${PLACES})`,
};

export interface Standing {
  /** Its place: a number too large for JavaScript to count with, in digits. */
  readonly at: string;
  readonly priority: number;
  readonly completed: boolean;
  readonly archived: boolean;
}

const STANDING = {
  name: "task-standing",
  text: `SELECT t.queue_position::text AS at, t.priority, t.status = 'completed' AS completed, t.archived_at IS NOT NULL AS archived
FROM tasks t WHERE t.project_id = $1 AND t.task_id = $2 AND t.deleted_at IS NULL`,
};

export const standing = (db: Db, { projectId, taskId }: TaskKey) => db.read<Standing>(STANDING, [projectId, taskId]);

/** Between two tasks that are added one after another, as the sequence counts. */
export const GAP = 1_000_000;

/** $1 the project, $2 the priority, $3 the place of the other task, $4 that of the task itself. */
export type Asked = readonly [project: string, priority: number, other: string | null, own: string];
export const OTHER = "$3::bigint";
const OWN = "$4::bigint";

const OF_PRIORITY = "t.project_id = $1 AND t.priority = $2 AND t.archived_at IS NULL";
/** SQL: the open tasks of the priority are of two parts, each found by an index of its own. */
const OPEN = [
  `${OF_PRIORITY} AND t.status = 'pending' AND t.deleted_at IS NULL`,
  `${OF_PRIORITY} AND t.lease_expires_at IS NOT NULL`,
];
export const open = (what: string, condition: string) =>
  OPEN.map((part) => `(SELECT ${what} FROM tasks t WHERE ${part} AND ${condition})`);

const none = (condition: string) => `NOT EXISTS (${open("t.task_id", condition).join(" UNION ALL ")})`;
const noneBetween = (lower: string, upper: string) =>
  `${lower} < ${upper} AND ${none(`t.queue_position > ${lower} AND t.queue_position < ${upper}`)}`;

/** SQL: whether the task stands there already, and else the places of its neighbours. */
export const WAYS = {
  before: {
    there: noneBetween(OWN, OTHER),
    lower: `coalesce(greatest(${open("max(t.queue_position)", `t.queue_position < ${OTHER} AND t.queue_position <> ${OWN}`)}), ${OTHER} - ${GAP})`,
    upper: OTHER,
  },
  after: {
    there: noneBetween(OTHER, OWN),
    lower: OTHER,
    // Behind the last stands what is added next.
    upper: `coalesce(least(${open("min(t.queue_position)", `t.queue_position > ${OTHER} AND t.queue_position <> ${OWN}`)}), (${OTHER} / ${GAP} + 1) * ${GAP})`,
  },
  first: {
    there: `${OTHER} IS NULL AND ${none(`t.queue_position < ${OWN}`)}`,
    lower: `(SELECT min(q.queue_position) - ${GAP} FROM tasks q)`,
    upper: "(SELECT min(q.queue_position) FROM tasks q)",
  },
} satisfies Readonly<Record<Side, object>>;

/**
 * How often a place is guessed that nobody has, each time in a larger part of what lies between the neighbours: those that are
 * moved to one place stand in the order of their moves, so that most of the room is to be left on one side.
 */
const GUESSES = 8;

/** A statement: whether the task stands there already, and else a free place; NULL where none was found between the neighbours. */
const findPlace = (way: Side) => ({
  name: `queue-place-${way}`,
  text: `SELECT ${WAYS[way].there} AS there, (
  SELECT p.place::text FROM (SELECT ${WAYS[way].lower} AS lower, ${WAYS[way].upper} AS upper) n
    CROSS JOIN generate_series(1, ${GUESSES}) AS guess
    CROSS JOIN LATERAL (SELECT 1 + floor(random() * greatest(1, (upper - lower) * guess / ${GUESSES} - 1))::bigint AS away) a
    CROSS JOIN LATERAL (SELECT ${way === "before" ? "lower + away" : "upper - away"} AS place) p
  -- multiples are of tasks that are being added
  WHERE p.place > n.lower AND p.place < n.upper AND p.place % ${GAP} <> 0
    AND NOT EXISTS (SELECT FROM tasks q WHERE q.queue_position = p.place)
  ORDER BY guess LIMIT 1) AS place`,
});
export interface FoundPlace {
  readonly there: boolean;
  readonly place: string | null;
}
export const FIND_PLACE = { before: findPlace("before"), after: findPlace("after"), first: findPlace("first") };

/** Gives tasks their places. Where another one has such a place just then, the transaction is run again, and takes others. */
export async function writePlaces<Row>(db: Db, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
  try {
    return await db.write<Row>(statement, values);
  } catch (error) {
    if (errorCode(error) !== UNIQUE_VIOLATION) throw error;
    throw Object.assign(new Error("Another task has its place in the queue there"), { code: SERIALIZATION_FAILURE });
  }
}
