import { isDeepStrictEqual } from "node:util";
import type { Db } from "../../db/database.ts";
import { badInput } from "../../errors.ts";
import { EVENTS } from "../../event-types.ts";
import { type Since, told } from "../../log/read/told.ts";
import type { Change, Changes } from "../../log/write/changes.ts";

/** Whose changes are reverted: one session's, or all of a key's. */
export interface Author {
  readonly projectId: string;
  /** null: whatever the session. */
  readonly client: string | null;
  /** null: whatever the key. */
  readonly actor: string | null;
}

export const MOST_REVERTED = 1_000;
/** Events of the author that are looked at. */
const MOST_EVENTS = 20_000;

/** What can be undone of a task, and what is told of it beside; what becomes of attempts is neither. */
const UNDONE = [
  ...["task.created", "task.updated", "task.parked", "task.unparked", "task.completed", "task.reset", "task.deleted"],
  ...["task.restored", "task.dependency_added", "task.dependency_removed"],
  ...["task.recurrence_paused", "task.recurrence_resumed", "task.occurrence_skipped"],
];

const SKIPS = "task.occurrence_skipped";

/**
 * What makes a task another than its author left it. The end of a lease says nothing that its claim has not, and a reminder
 * nothing that its offset has not.
 */
const CHANGING: readonly string[] = EVENTS.filter(
  ({ type, effect }) =>
    type.startsWith("task.") &&
    effect !== "tells" &&
    !["task.lease_expired", "task.archived"].includes(type) &&
    !type.startsWith("task.reminder."),
).map(({ type }) => type);

/** What a field was before the last changes of the author in a row, and what these left it as. */
interface Left extends Change {
  /** What earlier reverts of them left it as, where there were any. */
  readonly reverted?: unknown;
}

/** What the author did to a task, all in all. */
export interface Doings {
  readonly taskId: string;
  readonly created: boolean;
  readonly changes: Readonly<Record<string, Left>>;
  readonly dependencies: boolean;
  /** Dates of a recurring task that were left out. */
  readonly skipped: readonly string[];
  /** Whether it was given another place in the queue. */
  readonly moved: boolean;
  /** The last change of it by anyone else, after the author's first; an earlier revert of the same author is none. */
  readonly since: Foreign | null;
}

export interface Foreign {
  readonly type: string;
  readonly actor: string;
  readonly place: number;
}

const BY_AUTHOR = "($2::text IS NULL OR e.client = $2) AND ($3::text IS NULL OR e.actor = $3)";
const OF_TASKS =
  "e.project_id = $1 AND e.subject_type = 'task' AND e.occurred_at >= $4 AND e.event_type = ANY ($6::text[])";
const OF_AUTHOR = `${OF_TASKS} AND ${BY_AUTHOR}`;
/** An event of an earlier revert of the same author, by whomever. */
const OF_REVERT = "e.payload -> 'revertOf' = $7::jsonb";

/** What the events of a revert tell beside: whose changes it undoes. */
export const markOf = ({ client, actor }: Author) => ({ revertOf: client === null ? { actor } : { client } });

const EXTENT = {
  name: "revert-extent",
  text: `SELECT count(*)::int AS events, coalesce(bool_or(e.moves), false) AS moves
FROM ${told("e.payload -> 'changes' ? 'parentTaskId' AS moves", OF_AUTHOR, "$5::bigint")}`,
};

/** Whether the author moved a task, of which the graph has to be locked. @throws BAD_USER_INPUT for too much at once. */
export async function movesTasks(db: Db, author: Author, since: Since): Promise<boolean> {
  const [extent] = await db.read<{ events: number; moves: boolean }>(EXTENT, valuesOf(author, since));
  const { events = 0, moves = false } = extent ?? {};
  if (events > MOST_EVENTS)
    throw badInput(`${events} changes were made; at most ${MOST_EVENTS} are looked at. Name a later since.`);
  return moves;
}

const CHANGES = {
  name: "revert-changes",
  text: `SELECT e.place, e.event_type AS type, e.subject_id AS "taskId", e.changes, e.date, e.own, e.reverts
FROM ${told(
    `e.event_type, e.subject_id, e.payload -> 'changes' AS changes, e.payload ->> 'date' AS date, (${BY_AUTHOR}) IS TRUE AS own,
      (${OF_REVERT}) IS TRUE AS reverts`,
    `${OF_TASKS} AND (${BY_AUTHOR} OR ${OF_REVERT})`,
    "$5::bigint",
  )} ORDER BY e.place`,
};

const FOREIGN = {
  name: "revert-foreign",
  text: `SELECT of.task_id AS "taskId", e.event_type AS type, e.actor, e.place FROM unnest($8::text[], $9::bigint[]) AS of (task_id, first)
CROSS JOIN LATERAL (
  SELECT e.event_type, e.actor, e.place FROM ${told(
    "e.event_type, e.actor",
    `e.project_id = $1 AND e.subject_id = of.task_id AND e.subject_type = 'task' AND (${BY_AUTHOR}) IS NOT TRUE
      AND (${OF_REVERT}) IS NOT TRUE AND e.occurred_at >= $4 AND e.event_type = ANY ($6::text[])`,
    "$5::bigint",
  )} WHERE e.place > of.first ORDER BY e.place DESC LIMIT 1
) e`,
};

interface Told {
  readonly place: number;
  readonly type: string;
  readonly taskId: string;
  readonly changes: Changes | null;
  /** Of one that leaves out a date. */
  readonly date: string | null;
  /** Of the author itself; else of an earlier revert of it. */
  readonly own: boolean;
  /** Of an earlier revert, which may be the author's own. */
  readonly reverts: boolean;
}

/**
 * What the author did to tasks since then, those first that it changed last, without those of which an earlier revert has undone
 * everything. @throws BAD_USER_INPUT for too many.
 */
export async function doingsOf(db: Db, author: Author, since: Since): Promise<Doings[]> {
  const mark = JSON.stringify(markOf(author).revertOf);
  const events = await db.read<Told>(CHANGES, [...valuesOf(author, since), mark]);
  const byTask = [...Map.groupBy(events, ({ taskId }) => taskId)].flatMap(([taskId, all]) => {
    const first = all.findIndex(({ own }) => own);
    // A revert of what was done before then is none of what is undone now.
    return first === -1 ? [] : [[taskId, all.slice(first)] as const];
  });
  const foreign = await db.read<Foreign & { readonly taskId: string }>(FOREIGN, [
    ...valuesOf(author, since, CHANGING),
    mark,
    byTask.map(([taskId]) => taskId),
    byTask.map(([, [first]]) => first?.place ?? 0),
  ]);
  const others = new Map(foreign.map(({ taskId, ...other }) => [taskId, other]));
  const last = (all: readonly Told[]) => all.findLast(({ own }) => own)?.place ?? 0;
  const doings = byTask
    .filter(([taskId, all]) => !isUndone(all, others.get(taskId)))
    .toSorted(([, a], [, b]) => last(b) - last(a))
    .map(([taskId, all]) => ({
      taskId,
      created: all.some(({ type }) => type === "task.created"),
      changes: joined(all),
      dependencies: all.some(({ type }) => type.startsWith("task.dependency_")),
      skipped: all.flatMap(({ type, own, date }) => (own && type === SKIPS && date !== null ? [date] : [])),
      moved: all.some(({ changes, own }) => own && changes?.["queuePosition"] !== undefined),
      since: others.get(taskId) ?? null,
    }));
  if (doings.length > MOST_REVERTED)
    throw badInput(
      `${doings.length} tasks were changed; at most ${MOST_REVERTED} are reverted at once. Name a later since, then an earlier one.`,
    );
  return doings;
}

/** Whether an earlier revert has undone all of it, and nobody has changed the task since. */
function isUndone(all: readonly Told[], other: Foreign | undefined): boolean {
  const last = all.at(-1);
  if (!last?.reverts || (other && other.place > last.place)) return false;
  if (all.some(({ type }) => type === "task.created")) return last.type === "task.deleted";
  const named = all.some(
    ({ type, own, changes }) =>
      own && (type.startsWith("task.dependency_") || type === SKIPS || changes?.["queuePosition"] !== undefined),
  );
  return (
    !named &&
    Object.values(joined(all)).every((left) => "reverted" in left && isDeepStrictEqual(left.reverted, left.old))
  );
}

const valuesOf = ({ projectId, client, actor }: Author, { at, behind }: Since, types: readonly string[] = UNDONE) => [
  ...[projectId, client, actor, at, behind],
  types,
];

/**
 * Changes of one task one after the other as one: what somebody else changed between two of a field begins it anew. What an
 * earlier revert undid of them is a step of the same way, on which the author may have gone on.
 */
function joined(all: readonly Told[]): Readonly<Record<string, Left>> {
  const fields = new Map<string, Left>();
  for (const { changes, own } of all)
    for (const [field, change] of Object.entries(changes ?? {})) {
      const before = fields.get(field);
      const goesOn = before && isDeepStrictEqual("reverted" in before ? before.reverted : before.new, change.old);
      if (own) fields.set(field, { old: goesOn ? before.old : change.old, new: change.new });
      else if (goesOn) fields.set(field, { ...before, reverted: change.new });
    }
  return Object.fromEntries([...fields].filter(([, change]) => !isDeepStrictEqual(change.old, change.new)));
}

/** The changes with what the author left each field as, or else, where the field is otherwise now, what a revert left. */
export const changesUpTo = (now: Readonly<Record<string, unknown>>, { changes }: Doings): Changes =>
  Object.fromEntries(
    Object.entries(changes).map(([field, left]) => {
      const isReverted = "reverted" in left && !isDeepStrictEqual(now[field], left.new);
      return [field, { old: left.old, new: isReverted ? left.reverted : left.new }];
    }),
  );
