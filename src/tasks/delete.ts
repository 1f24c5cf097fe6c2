import { badInput } from "../errors.ts";
import { changeMany, type ManyChange } from "./change-many.ts";
import { endAttempts, MOST_TASKS } from "./changeable.ts";
import { lockedBelow } from "./hierarchy/below.ts";
import type { TaskAddress } from "./locate.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";

export interface DeleteTask extends TaskAddress {
  /** With all that lies below it. */
  readonly cascade?: boolean | null | undefined;
  readonly expectedVersion?: number | null | undefined;
}

/** What deleting makes of a task. */
export const DELETION: ManyChange = {
  type: "task.deleted",
  fields: ["deletedAt", "leaseExpiresAt", "claimedBy", "status"],
  values: { lease_expires_at: null, claimed_by: null },
  computed: () => `jsonb_build_object('deleted_at', docket_now(),
      'status', CASE r.status WHEN 'in_progress' THEN 'pending' ELSE r.status END)`,
  whole: true,
};

/** So many children that stand in the way are named. */
const MOST_NAMED = 20;

/**
 * Takes a task off every list; its row, its ID and its history stay. A task that somebody else holds is theirs. One with
 * open children goes with all that lies below it, or not at all.
 * @throws TASK_NOT_FOUND, LEASE_LOST, VERSION_CONFLICT, FORBIDDEN; BAD_USER_INPUT naming the open children, or what below it
 *   is in progress, and for more than `MOST_TASKS` tasks.
 */
export const deleteTask = taskVerb(
  {
    name: "deleteTask",
    role: "agent",
    effect: "ends",
    idempotent: true,
    held: "holder",
    templates: true,
    settles: () => true,
  },
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
    if (cascade && below.length >= MOST_TASKS)
      throw badInput(
        `${below.length} tasks lie below ${taskId}, and one call deletes ${MOST_TASKS} at most. Delete parts of what lies below it first, each with cascade: true, or with updateTasks.`,
        { count: below.length },
      );
    const all = [task, ...(cascade ? below.map((child) => ({ projectId, taskId: child.taskId })) : [])];
    const overrides = task.authority.override ? [task] : [];
    await changeMany(ctx, all, DELETION, overrides);
    await endAttempts(ctx, all, overrides);
    return { projectId, taskId };
  },
);

const named = (taskIds: readonly string[]) => {
  const more = taskIds.length - MOST_NAMED;
  return `${taskIds.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
};
