import type { Context } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import { errorCode, SERIALIZATION_FAILURE, UNIQUE_VIOLATION } from "../db/faults.ts";
import { badInput, taskNotFound } from "../errors.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { subject } from "./change.ts";
import type { TaskAddress } from "./locate.ts";
import { lockTasks } from "./lock.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";

export interface MoveInQueue extends TaskAddress {
  /** The task of its project and priority that it is to be claimed just before. */
  readonly before?: string | null | undefined;
  /** The one that it is to be claimed just after. */
  readonly after?: string | null | undefined;
  /** true: before all others of its priority. */
  readonly first?: boolean | null | undefined;
  readonly expectedVersion?: number | null | undefined;
}

/** One does, unless others take the room that was made at once. */
const MOST_TRIES = 20;

/** There is no place left between the neighbours. */
class NoRoom extends Error {
  readonly beside: Beside;

  constructor(beside: Beside) {
    super("There is no room in the queue");
    this.beside = beside;
  }
}

const move = taskVerb(
  {
    name: "moveInQueue",
    role: "agent",
    effect: "changes",
    idempotent: true,
    held: "fence",
    before: (db) => lockPlaces(db, "shared"),
    limits: (input: MoveInQueue) => void placeOf(input),
    transition: ({ status, taskId }) => {
      if (status === "completed") throw badInput(`${taskId} is completed: only open tasks have a place in the queue.`);
    },
  },
  async (ctx, input: MoveInQueue, task): Promise<TaskKey> => {
    const { projectId, taskId } = task;
    const { way, other } = placeOf(input);
    const [own] = await standing(ctx.db, { projectId, taskId });
    if (!own) throw new Error(`Task ${taskId} of ${projectId} vanished under its lock`);
    const { priority } = own;
    const asked: Asked = [projectId, priority, await placeBeside(ctx, task, own, other), own.at];
    const [found] = await ctx.db.read<FoundPlace>(FIND_PLACE[way], asked);
    if (found?.there) return { projectId, taskId };
    if (found?.place == null) throw new NoRoom({ projectId, priority, way, other, own: own.at });
    const changes = await moveTo(ctx.db, task, found.place);
    await append(ctx, { type: "task.updated", ...subject(task), payload: { changes, [way]: other ?? true } });
    return { projectId, taskId };
  },
);

/**
 * Gives an open task another place among those of its project and priority; a held one has it from when it is given back. One
 * that stands there already stays as it is.
 * @throws TASK_NOT_FOUND also for the other task, AMBIGUOUS_TASK_ID, LEASE_LOST (with `attempt`), VERSION_CONFLICT, FORBIDDEN;
 *   BAD_USER_INPUT for what is completed, and for another priority.
 */
export const moveInQueue: typeof move = Object.assign(
  async (...[ctx, input]: Parameters<typeof move>) => {
    for (let tries = 1; ; tries++)
      try {
        return await move(ctx, input);
      } catch (error) {
        if (!(error instanceof NoRoom) || tries === MOST_TRIES) throw error;
        await inTurn(() => makeRoom(ctx.db, error.beside));
      }
  },
  { declared: move.declared },
);

let last: Promise<unknown> = Promise.resolve();

/** One after another within this process, as a lock of the database is not waited for as long as many of them may take. */
function inTurn(work: () => Promise<void>): Promise<void> {
  const done = last.then(work);
  last = done.catch(() => undefined);
  return done;
}

/** Any number that no other lock of the database has. */
const PLACES = 7_013_914;

/**
 * The lock of all places, of the whole server, before any row's. Moves share it, as the index refuses two of one place; making
 * room keeps them waiting. Nobody else has it, claims least of all.
 */
async function lockPlaces(db: Db, mode: "shared" | "exclusive"): Promise<void> {
  await db.write(`SELECT pg_advisory_xact_lock${mode === "shared" ? "_shared" : ""}(${PLACES})`);
}

type Way = "before" | "after" | "first";

/** @throws BAD_USER_INPUT unless the input says exactly one place. */
function placeOf({ taskId, first, ...beside }: MoveInQueue): { readonly way: Way; readonly other: string | null } {
  const [way, ...more] = (["before", "after", "first"] as const).filter((one) =>
    one === "first" ? first === true : beside[one] != null,
  );
  if (way === undefined || more.length > 0)
    throw badInput("Say where to move it: exactly one of before, after, and first: true.");
  const other = way === "first" ? null : (beside[way]?.toUpperCase() ?? null);
  if (other === taskId.toUpperCase()) throw badInput(`${other} cannot be moved ${way} itself.`);
  return { way, other };
}

interface Standing {
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

const standing = (db: Db, { projectId, taskId }: TaskKey) => db.read<Standing>(STANDING, [projectId, taskId]);

/** The place of the other task, null without one. @throws TASK_NOT_FOUND, BAD_USER_INPUT */
async function placeBeside(ctx: Context, { projectId, taskId }: TaskKey, own: Standing, other: string | null) {
  if (other === null) return null;
  const [found] = await standing(ctx.db, { projectId, taskId: other });
  if (!found) throw taskNotFound(other, projectId);
  if (found.completed || found.archived)
    throw badInput(
      `${other} is ${found.archived ? "archived" : "completed"}: only open tasks have a place in the queue.`,
    );
  if (found.priority !== own.priority)
    throw badInput(
      `${other} has priority ${found.priority}, and ${taskId} has ${own.priority}: the queue is in the order of priorities. Give ${taskId} priority ${found.priority} first, with updateTask.`,
    );
  return found.at;
}

/** Between two tasks that are added one after another, as the sequence counts. */
const GAP = 1_000_000;

/** $1 the project, $2 the priority, $3 the place of the other task, $4 that of the task itself. */
type Asked = readonly [project: string, priority: number, other: string | null, own: string];
const OTHER = "$3::bigint";
const OWN = "$4::bigint";

const OF_PRIORITY = "t.project_id = $1 AND t.priority = $2 AND t.archived_at IS NULL";
/** SQL: the open tasks of the priority are of two parts, each found by an index of its own. */
const OPEN = [
  `${OF_PRIORITY} AND t.status = 'pending' AND t.deleted_at IS NULL`,
  `${OF_PRIORITY} AND t.lease_expires_at IS NOT NULL`,
];
const open = (what: string, condition: string) =>
  OPEN.map((part) => `(SELECT ${what} FROM tasks t WHERE ${part} AND ${condition})`);

const none = (condition: string) => `NOT EXISTS (${open("t.task_id", condition).join(" UNION ALL ")})`;
const noneBetween = (lower: string, upper: string) =>
  `${lower} < ${upper} AND ${none(`t.queue_position > ${lower} AND t.queue_position < ${upper}`)}`;

/** SQL: whether the task stands there already, and else the places of its neighbours. */
const WAYS = {
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
} satisfies Readonly<Record<Way, object>>;

/**
 * How often a place is guessed that nobody has, each time in a larger part of what lies between the neighbours: those that are
 * moved to one place stand in the order of their moves, so that most of the room is to be left on one side.
 */
const GUESSES = 8;

/** A statement: whether the task stands there already, and else a free place; NULL where none was found between the neighbours. */
const findPlace = (way: Way) => ({
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
interface FoundPlace {
  readonly there: boolean;
  readonly place: string | null;
}
const FIND_PLACE = { before: findPlace("before"), after: findPlace("after"), first: findPlace("first") };

const MOVE = {
  name: "task-move-in-queue",
  text: `WITH before AS (SELECT queue_position AS place FROM tasks WHERE project_id = $1 AND task_id = $2)
UPDATE tasks t SET queue_position = $3::bigint, version = t.version + 1, updated_at = docket_now() FROM before
WHERE t.project_id = $1 AND t.task_id = $2
RETURNING jsonb_build_object('queuePosition', jsonb_build_object('old', before.place, 'new', t.queue_position)) AS changes`,
};

async function moveTo(db: Db, { projectId, taskId }: TaskKey, place: string): Promise<Changes> {
  try {
    const [moved] = await db.write<{ changes: Changes }>(MOVE, [projectId, taskId, place]);
    return moved?.changes ?? {};
  } catch (error) {
    throw errorCode(error) === UNIQUE_VIOLATION ? takenMeanwhile() : error;
  }
}

/** Where there is no room. */
interface Beside {
  readonly projectId: string;
  readonly priority: number;
  readonly way: Way;
  readonly other: string | null;
  readonly own: string;
}

/** So many in front of the place are spread at first; four times as many while there is too little room for them, too. */
const NEAREST = 200;
/** What is room enough for one of them. */
const ROOM = GAP / 1_000;

const inFront = (way: Way) => ({
  name: `queue-in-front-${way}`,
  text: `SELECT o.task_id AS "taskId", o.queue_position::text AS place FROM (${open("t.task_id, t.queue_position", `t.queue_position ${way === "before" ? "<" : "<="} ${OTHER}`).join(" UNION ALL ")}) o
WHERE $4::bigint IS NOT NULL ORDER BY o.queue_position DESC LIMIT $5`,
});
const IN_FRONT = { before: inFront("before"), after: inFront("after"), first: inFront("first") };

const UPPER = {
  name: "queue-next-place",
  text: `SELECT (${WAYS.after.upper})::text AS upper`,
};

/** Tasks $2 of project $1, in their order, between the places $3 and $4: never beside a multiple, and each time elsewhere. */
const SPREAD = {
  name: "queue-spread",
  text: `UPDATE tasks t SET queue_position = p.place + (p.place % ${GAP} = 0)::integer FROM (
  SELECT g.task_id, $3::bigint + s.step * g.nth + floor(random() * s.step / 2)::bigint AS place
  FROM unnest($2::text[]) WITH ORDINALITY AS g (task_id, nth),
    LATERAL (SELECT ($4::bigint - $3::bigint) / (cardinality($2::text[]) + 1) AS step) s) p
WHERE t.project_id = $1 AND t.task_id = p.task_id`,
};

/**
 * Spreads those nearest in front of the place over what room there is: so often was something moved there. Nobody is told:
 * they stand as they stood to every other task of their project and priority.
 */
async function makeRoom(from: Db, { projectId, priority, way, other, own }: Beside): Promise<void> {
  await from.transaction(async (db) => {
    await lockPlaces(db, "exclusive");
    const [beside] = other === null ? [] : await standing(db, { projectId, taskId: other });
    if (!beside) return;
    const asked: Asked = [projectId, priority, beside.at, own];
    // Another caller may have made it by now.
    const [found] = await db.read<FoundPlace>(FIND_PLACE[way], asked);
    if (found?.place != null) return;
    const [behind] = way === "before" ? [{ upper: beside.at }] : await db.read<{ upper: string }>(UPPER, asked);
    const upper = BigInt(behind?.upper ?? beside.at);
    for (let nearest = NEAREST; ; nearest *= 4) {
      const rows = await db.read<{ taskId: string; place: string }>(IN_FRONT[way], [...asked, nearest + 1]);
      const front = rows.slice(0, nearest).map(({ taskId }) => ({ projectId, taskId }));
      const limit = rows[nearest];
      // In front of the first one there is room without end.
      const lower = limit
        ? BigInt(limit.place)
        : BigInt(rows.at(-1)?.place ?? beside.at) - BigInt(GAP * (front.length + 1));
      if (limit && upper - lower < BigInt(ROOM * (nearest + 1))) continue;
      await lockTasks(db, front);
      await spread(db, projectId, front.map(({ taskId }) => taskId).reverse(), [lower, upper]);
      return;
    }
  });
}

async function spread(
  db: Db,
  projectId: string,
  taskIds: readonly string[],
  between: readonly bigint[],
): Promise<void> {
  await db
    .write(SPREAD, [projectId, taskIds, ...between.map(String)])
    .catch((error: unknown) => Promise.reject(errorCode(error) === UNIQUE_VIOLATION ? takenMeanwhile() : error));
}

/** Another task has the place: the transaction is run again, and takes others. */
const takenMeanwhile = () =>
  Object.assign(new Error("Another task has its place in the queue there"), { code: SERIALIZATION_FAILURE });
