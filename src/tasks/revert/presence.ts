import type { Context } from "../../access/viewer.ts";
import { documentOf } from "../change.ts";
import { removeTask } from "../delete.ts";
import { lockedBelow } from "../hierarchy/below.ts";
import { bringBack } from "../restore.ts";
import type { TaskKey } from "../task.ts";
import type { Doings } from "./doings.ts";
import { by, conflict, NOTHING, type Undone, unheldAs, untouchable } from "./undone.ts";

/** Restores a task that was deleted. */
export async function broughtBack(ctx: Context, key: TaskKey, { created, changes, since }: Doings): Promise<Undone> {
  const { deletedAt } = changes;
  if (created || deletedAt?.old !== null) return NOTHING;
  const now = (await documentOf(ctx, key))["deletedAt"];
  if (now === null) return NOTHING;
  if (now !== deletedAt.new) return conflict(`was deleted again since${by(since)}.`);
  return { changes: await bringBack(ctx, key), conflicts: [] };
}

/** Deletes a task that was created, or restored. */
export async function removed(ctx: Context, key: TaskKey, { created, changes, since }: Doings): Promise<Undone> {
  const { deletedAt, archivedAt } = changes;
  if (!created && !archivedAt && deletedAt?.new !== null) return NOTHING;
  const task = await documentOf(ctx, key);
  if (task["deletedAt"] !== null || task["archivedAt"] !== null) return NOTHING;
  if (!created && deletedAt?.new !== null) return conflict("was taken out of the archive: it stays so.");
  if (since) return conflict(`was changed by others since${by(since)}: it is not deleted.`);
  const held = untouchable(task);
  if (held) return conflict(held);
  const open = (await lockedBelow(ctx.db, key)).filter(({ isChild, isOpen }) => isChild && isOpen);
  if (open.length > 0)
    return conflict(`has open children (${open.map(({ taskId }) => taskId).join(", ")}): it is not deleted.`);
  return { changes: await removeTask(ctx, unheldAs(key, task)), conflicts: [] };
}
