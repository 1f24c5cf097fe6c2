import { isDeepStrictEqual } from "node:util";
import type { Context } from "../../access/viewer.ts";
import type { Change, Changes } from "../../log/write/changes.ts";
import { documentOf, type TaskDocument } from "../change.ts";
import { lockGraph } from "../dependencies/graph.ts";
import { TASK } from "../fields.ts";
import { requireMovable } from "../hierarchy/move.ts";
import { metadataFaults } from "../metadata.ts";
import type { TaskKey } from "../task.ts";
import { changeFields } from "../update.ts";
import { changesUpTo, type Doings, type Foreign } from "./doings.ts";
import { by, type Undone, unheldAs, untouchable, whyItStays } from "./undone.ts";

/** A task as it is now, with what was done to it. */
interface Changed {
  readonly now: TaskDocument;
  readonly changes: Changes;
  readonly since: Foreign | null;
}

/** What gives a task back what it was; what cannot be is named. */
export interface WayBack {
  readonly reset?: boolean;
  /** Why it is parked again; null: it is unparked. */
  readonly parked?: string | null;
  /** Whether a recurring task is paused again, or resumed. */
  readonly paused?: boolean;
  readonly values?: Values;
  readonly conflicts: readonly string[];
}

/** What of a task stays in any case. */
const staysOf = ({ dependencies, moved, skipped }: Doings) => [
  ...(skipped.length > 0
    ? [`does not recur on ${skipped.join(", ")}: left out dates stay so. A task for one is added with addTasks.`]
    : []),
  ...(dependencies ? ["had its dependencies changed: these stay as they are."] : []),
  // Its old place may be another's by now, as room is made without an event.
  ...(moved ? ["was moved in the queue: its place is not put back. moveInQueue gives it another."] : []),
];

/** How a task that was changed is given its old status, parking and values. */
export function wayBack(now: TaskDocument, doings: Doings): WayBack {
  const changed = { now, changes: changesUpTo(now, doings), since: doings.since };
  const [status, parked, paused] = [statusBack(changed), parkingBack(changed), pauseBack(changed)];
  const values = valuesBack(changed);
  const stays = staysOf(doings);
  const why = status || parked || paused || values ? untouchable(now) : null;
  if (why) return { conflicts: [why, ...stays] };
  const conflicts = [status, parked, paused, values].flatMap((part) => part?.conflicts ?? []);
  return { ...status, ...parked, ...paused, ...values, conflicts: [...stays, ...conflicts] };
}

/** Completed → reset; null: there is nothing to do. */
function statusBack({ now, changes, since }: Changed): WayBack | null {
  const { status, completedAt, completionNotes } = changes;
  const isCompleted = now["status"] === "COMPLETED";
  if (status?.new === "COMPLETED" && isCompleted) {
    const isAsLeft =
      now["completedAt"] === completedAt?.new &&
      (completionNotes === undefined || now["completionNotes"] === completionNotes.new);
    return isAsLeft
      ? { reset: true, conflicts: [] }
      : { conflicts: [`was completed by others since${by(since)}: it stays completed.`] };
  }
  return status?.old === "COMPLETED" && !isCompleted
    ? { conflicts: ["was reset: it stays open. Who knows that it is done claims and completes it."] }
    : null;
}

/** Parked ↔ unparked, or parked for another reason. */
function parkingBack({ now, changes, since }: Changed): WayBack | null {
  const { parkedAt, parkedReason } = changes;
  if (!parkedAt && !parkedReason) return null;
  const wasParked = (parkedAt ? parkedAt.old : now["parkedAt"]) !== null;
  const reason = parkedReason ? parkedReason.old : now["parkedReason"];
  const isParked = now["parkedAt"] !== null;
  if (isParked === wasParked && (!wasParked || now["parkedReason"] === reason)) return null;
  return isLeft(now["parkedAt"], parkedAt) && isLeft(now["parkedReason"], parkedReason)
    ? { parked: wasParked ? String(reason ?? "parked before") : null, conflicts: [] }
    : { conflicts: [`was parked or unparked by others since${by(since)}: it stays so.`] };
}

/** Paused ↔ resumed, of a recurring task. */
function pauseBack({ now, changes: { recurrencePausedAt: change }, since }: Changed): WayBack | null {
  if (!change) return null;
  const wasPaused = change.old !== null;
  if ((now["recurrencePausedAt"] !== null) === wasPaused) return null;
  return isLeft(now["recurrencePausedAt"], change)
    ? { paused: wasPaused, conflicts: [] }
    : { conflicts: [`was paused or resumed by others since${by(since)}: it stays so.`] };
}

/** What is said of it, field by field. */
function valuesBack({ now, changes, since }: Changed): WayBack | null {
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
  // A reminder without a due date is none.
  const { dueDate, reminderOffsets } = { ...now, ...values };
  if (dueDate === null && Array.isArray(reminderOffsets) && reminderOffsets.length > 0)
    for (const name of ["dueDate", "reminderOffsets"])
      if (name in values) {
        delete values[name];
        stays(name);
      }
  return { values, conflicts };
}

/** Gives a task its old parent with its other old values. */
export async function movedBack(ctx: Context, key: TaskKey, { parentTaskId, ...others }: Values): Promise<Undone> {
  const task = unheldAs(key, await documentOf(ctx, key));
  const parent = parentTaskId == null ? null : String(parentTaskId);
  // Held already, unless the author has moved a task only just now.
  await lockGraph(ctx.db);
  const refusal = await requireMovable(ctx, task, parent).then(() => null, whyItStays);
  return {
    changes: await changeFields(ctx, task, refusal ? others : { parentTaskId, ...others }),
    conflicts: refusal ? [refusal] : [],
  };
}

type Values = Readonly<Record<string, unknown>>;

const isLeft = (now: unknown, change: Change | undefined) => change === undefined || now === change.new;
