import { isDeepStrictEqual } from "node:util";
import type { Context } from "../../access/viewer.ts";
import type { Change, Changes } from "../../log/write/changes.ts";
import { documentOf, type TaskDocument } from "../change.ts";
import { changeOne } from "../change-many.ts";
import { lockGraph } from "../dependencies/graph.ts";
import { TASK } from "../fields.ts";
import { requireMovable } from "../hierarchy/move.ts";
import type { JudgedTask } from "../hold.ts";
import { metadataFaults } from "../metadata.ts";
import { parking } from "../park.ts";
import type { TaskKey } from "../task.ts";
import { UNPARKING } from "../unpark.ts";
import { changeFields } from "../update.ts";
import { giveBack } from "../update-status.ts";
import { changesUpTo, type Doings, type Foreign } from "./doings.ts";
import { by, conflict, NOTHING, type Undone, unheldAs, untouchable, whyItStays } from "./undone.ts";

/** A task as it is now, with what was done to it. */
interface Changed {
  readonly now: TaskDocument;
  readonly changes: Changes;
  readonly since: Foreign | null;
}

type Undo = (ctx: Context, task: JudgedTask) => Promise<Undone>;

/** What of a task stays in any case. */
const staysOf = ({ dependencies, moved }: Doings) => [
  ...(dependencies ? ["had its dependencies changed: these stay as they are."] : []),
  // Its old place may be another's by now, as room is made without an event.
  ...(moved ? ["was moved in the queue: its place is not put back. moveInQueue gives it another."] : []),
];

const changedOf = (now: TaskDocument, doings: Doings): Changed => ({
  now,
  changes: changesUpTo(now, doings),
  since: doings.since,
});

/**
 * The values that a task gets back of which nothing else was changed, so that its turn among others does not matter; null:
 * it is for `changedBack`.
 */
export function valuesAlone(now: TaskDocument, doings: Doings): Values | null {
  const changed = changedOf(now, doings);
  if (statusBack(changed) || parkingBack(changed)) return null;
  const stays = staysOf(doings);
  const back = valuesBack(changed);
  if (!back) return { values: {}, conflicts: stays };
  const why = untouchable(now);
  if (why) return { values: {}, conflicts: [why, ...stays] };
  return "parentTaskId" in back.values ? null : { ...back, conflicts: [...stays, ...back.conflicts] };
}

/** Gives a task that was changed its old status, parking and values. */
export async function changedBack(ctx: Context, key: TaskKey, doings: Doings): Promise<Undone> {
  if (doings.created) return NOTHING;
  const now = await documentOf(ctx, key);
  const changed = changedOf(now, doings);
  const undos = [statusBack(changed), parkingBack(changed), fieldsBack(changed)].filter((undo) => undo !== null);
  const stays = staysOf(doings);
  if (undos.length === 0) return conflict(...stays);
  const why = untouchable(now);
  if (why) return conflict(why, ...stays);
  const task = unheldAs(key, now);
  let all: Undone = conflict(...stays);
  for (const undo of undos) {
    const { changes, conflicts } = await undo(ctx, task);
    all = { changes: { ...all.changes, ...changes }, conflicts: [...all.conflicts, ...conflicts] };
  }
  return all;
}

/** Completed → reset; null: there is nothing to do. */
function statusBack({ now, changes, since }: Changed): Undo | null {
  const { status, completedAt, completionNotes } = changes;
  const isCompleted = now["status"] === "COMPLETED";
  if (status?.new === "COMPLETED" && isCompleted) {
    const isAsLeft =
      now["completedAt"] === completedAt?.new &&
      (completionNotes === undefined || now["completionNotes"] === completionNotes.new);
    if (!isAsLeft) return async () => conflict(`was completed by others since${by(since)}: it stays completed.`);
    return async (ctx, task) => {
      const { projectId, taskId } = task;
      const reset = { projectId, taskId, status: "pending", reset: true } as const;
      return { changes: await giveBack(ctx, task, reset), conflicts: [] };
    };
  }
  return status?.old === "COMPLETED" && !isCompleted
    ? async () => conflict("was reset: it stays open. Who knows that it is done claims and completes it.")
    : null;
}

/** Parked ↔ unparked, or parked for another reason. */
function parkingBack({ now, changes, since }: Changed): Undo | null {
  const { parkedAt, parkedReason } = changes;
  if (!parkedAt && !parkedReason) return null;
  const wasParked = (parkedAt ? parkedAt.old : now["parkedAt"]) !== null;
  const reason = parkedReason ? parkedReason.old : now["parkedReason"];
  const isParked = now["parkedAt"] !== null;
  if (isParked === wasParked && (!wasParked || now["parkedReason"] === reason)) return null;
  if (!isLeft(now["parkedAt"], parkedAt) || !isLeft(now["parkedReason"], parkedReason))
    return async () => conflict(`was parked or unparked by others since${by(since)}: it stays so.`);
  return async (ctx, task) => ({
    changes: await changeOne(ctx, task, wasParked ? parking(String(reason ?? "parked before")) : UNPARKING),
    conflicts: [],
  });
}

/** Old values, and what stays instead. */
interface Values {
  readonly values: Readonly<Record<string, unknown>>;
  readonly conflicts: readonly string[];
}

/** What is said of it, field by field. */
function valuesBack({ now, changes, since }: Changed): Values | null {
  const fields = TASK.fields.flatMap(({ name, set, choice }) => {
    const change = set === "both" || set === "update" ? changes[name] : undefined;
    return change && !isDeepStrictEqual(now[name], change.old) ? [{ name, choice, change }] : [];
  });
  if (fields.length === 0) return null;
  const conflicts: string[] = [];
  const stays = (name: string) => void conflicts.push(`had its ${name} changed by others since${by(since)}: it stays.`);
  const values: Record<string, unknown> = {};
  for (const { name, choice, change } of fields)
    if (!isDeepStrictEqual(now[name], change.new)) stays(name);
    else values[name] = choice && typeof change.old === "string" ? change.old.toLowerCase() : change.old;
  const kind = String(values["kind"] ?? now["kind"]).toLowerCase();
  if (metadataFaults(kind, values["metadata"] ?? now["metadata"]).length > 0)
    for (const name of ["kind", "metadata"])
      if (name in values) {
        delete values[name];
        stays(name);
      }
  return { values, conflicts };
}

function fieldsBack(changed: Changed): Undo | null {
  const back = valuesBack(changed);
  if (!back) return null;
  return async (ctx, task) => {
    if (!("parentTaskId" in back.values))
      return { changes: await changeFields(ctx, task, back.values), conflicts: back.conflicts };
    const { parentTaskId, ...others } = back.values;
    const parent = parentTaskId == null ? null : String(parentTaskId);
    // Held already, unless the author has moved a task only just now.
    await lockGraph(ctx.db);
    const refusal = await requireMovable(ctx, task, parent).then(() => null, whyItStays);
    return {
      changes: await changeFields(ctx, task, refusal ? others : back.values),
      conflicts: refusal ? [...back.conflicts, refusal] : back.conflicts,
    };
  };
}

const isLeft = (now: unknown, change: Change | undefined) => change === undefined || now === change.new;
