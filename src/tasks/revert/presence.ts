import type { Context } from "../../access/viewer.ts";
import { documentOf, type TaskDocument } from "../change.ts";
import { bringBack } from "../restore.ts";
import type { TaskKey } from "../task.ts";
import type { Doings } from "./doings.ts";
import { by, conflict, NOTHING, type Undone, untouchable } from "./undone.ts";

export const isToBeBroughtBack = ({ created, changes: { deletedAt } }: Doings): boolean =>
  !created && deletedAt?.old === null;

/** Why a task that was deleted is not restored; null: it is, unless its parent is away or its artifact another's. */
export function whyNotBroughtBack(task: TaskDocument, { changes, since }: Doings): Undone | null {
  if (task["deletedAt"] === null) return NOTHING;
  return task["deletedAt"] === changes["deletedAt"]?.new ? null : conflict(`was deleted again since${by(since)}.`);
}

/** Restores a task that was deleted. */
export async function broughtBack(ctx: Context, key: TaskKey, doings: Doings): Promise<Undone> {
  if (!isToBeBroughtBack(doings)) return NOTHING;
  const refusal = whyNotBroughtBack(await documentOf(ctx, key), doings);
  return refusal ?? { changes: await bringBack(ctx, key), conflicts: [] };
}

export const isToBeRemoved = ({ created, changes: { deletedAt, archivedAt } }: Doings): boolean =>
  created || archivedAt !== undefined || deletedAt?.new === null;

/** Why a task that was created, or restored, is not deleted; null: it is, unless something open lies below it. */
export function whyNotRemoved(task: TaskDocument, { created, changes, since }: Doings): Undone | null {
  if (task["deletedAt"] !== null || task["archivedAt"] !== null) return NOTHING;
  if (!created && changes["deletedAt"]?.new !== null) return conflict("was taken out of the archive: it stays so.");
  if (since) return conflict(`was changed by others since${by(since)}: it is not deleted.`);
  const held = untouchable(task);
  return held ? conflict(held) : null;
}
