import type { Context } from "../access/viewer.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { changeStatement, changeTask, endAttempt, subject } from "./change.ts";
import { lockedBelow } from "./hierarchy/below.ts";
import type { JudgedTask } from "./hold.ts";
import type { TaskAddress } from "./locate.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";

export interface DeleteTask extends TaskAddress {
  /** With all that lies below it. */
  readonly cascade?: boolean | null | undefined;
  readonly expectedVersion?: number | null | undefined;
}

const DELETED = changeStatement(
  "task-delete",
  `deleted_at = docket_now(), lease_expires_at = NULL, claimed_by = NULL,
    status = CASE status WHEN 'in_progress' THEN 'pending' ELSE status END`,
);

/** So many children that stand in the way are named. */
const MOST_NAMED = 20;

/**
 * Takes a task off every list; its row, its ID and its history stay. A task that somebody else holds is theirs. One with
 * open children goes with all that lies below it, or not at all.
 * @throws TASK_NOT_FOUND, LEASE_LOST, VERSION_CONFLICT, FORBIDDEN; BAD_USER_INPUT naming the open children, or what below it
 *   is in progress.
 */
export const deleteTask = taskVerb(
  { name: "deleteTask", role: "agent", effect: "ends", idempotent: true, held: "holder", settles: () => true },
  async (ctx, { cascade }: DeleteTask, task): Promise<TaskKey> => {
    const { projectId, taskId } = task;
    const below = await lockedBelow(ctx.db, task);
    const open = below.filter(({ isChild, isOpen }) => isChild && isOpen).map((child) => child.taskId);
    if (open.length > 0 && !cascade)
      throw badInput(
        `${taskId} has open children: ${named(open)}. Complete or delete them first, or send cascade: true to delete all that lies below it, too.`,
        { children: open.slice(0, MOST_NAMED) },
      );
    const held = below.filter(({ status }) => status === "in_progress").map((child) => child.taskId);
    if (cascade && held.length > 0)
      throw badInput(
        `Of what lies below ${taskId} these are in progress: ${named(held)}. Their holders give them back first.`,
      );
    // The deepest ones first: nothing is deleted while something open lies below it.
    if (cascade) for (const child of below) await removeTask(ctx, { ...task, taskId: child.taskId, authority: {} });
    await removeTask(ctx, task);
    return { projectId, taskId };
  },
);

/** Deletes a task that was judged, and ends its attempt. */
async function removeTask(ctx: Context, task: JudgedTask): Promise<Changes> {
  const changed = await changeTask(ctx, task, DELETED);
  await endAttempt(ctx, task, "cancelled");
  await append(ctx, { type: "task.deleted", ...subject(task), payload: { ...changed, ...task.authority } });
  return changed.changes;
}

const named = (taskIds: readonly string[]) => {
  const more = taskIds.length - MOST_NAMED;
  return `${taskIds.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
};
