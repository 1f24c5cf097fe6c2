import { verb } from "../access/verb.ts";
import { append } from "../log/write/append.ts";
import { changeTask, endAttempt, subject } from "./change.ts";
import { lockedTask, requireHeld } from "./hold.ts";
import type { TaskAddress } from "./locate.ts";
import type { TaskKey } from "./task.ts";

export interface DeleteTask extends TaskAddress {
  readonly expectedVersion?: number | null | undefined;
}

/**
 * Takes a task off every list; its row, its ID and its history stay. A task that somebody else holds is theirs.
 * @throws TASK_NOT_FOUND, LEASE_LOST, VERSION_CONFLICT, FORBIDDEN
 */
export const deleteTask = verb(
  { name: "deleteTask", role: "agent", effect: "ends", scope: "project", idempotent: true, on: lockedTask },
  async (ctx, input: DeleteTask, locked): Promise<TaskKey> => {
    const authority = requireHeld(ctx, locked, input);
    const changed = await changeTask(
      ctx,
      locked,
      `deleted_at = docket_now(), lease_expires_at = NULL, claimed_by = NULL,
       status = CASE status WHEN 'in_progress' THEN 'pending' ELSE status END`,
    );
    await endAttempt(ctx, locked, "cancelled", authority);
    await append(ctx, { type: "task.deleted", ...subject(locked), payload: { ...changed, ...authority } });
    return { projectId: locked.projectId, taskId: locked.taskId };
  },
);
