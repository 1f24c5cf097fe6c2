import { once } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { append } from "../log/write/append.ts";
import { changeTask, endAttempt, subject } from "./change.ts";
import { lockTask, requireFence, requireHolder, requireVersion } from "./hold.ts";
import { locateTask, type TaskAddress, type TaskKey } from "./locate.ts";

export interface DeleteTask extends TaskAddress {
  readonly expectedVersion?: number | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

/**
 * Takes a task off every list; its row, its ID and its history stay. A task that somebody else holds is theirs.
 * @throws TASK_NOT_FOUND, LEASE_LOST, VERSION_CONFLICT, FORBIDDEN
 */
export function deleteTask(ctx: Context, input: DeleteTask) {
  return once(ctx, { operation: "deleteTask", role: "agent", input }, async (inside): Promise<TaskKey> => {
    const locked = await lockTask(inside, await locateTask(inside, input, "write"));
    requireFence(locked, input.attempt);
    const authority = requireHolder(inside, locked, input.attempt);
    requireVersion(locked, input.expectedVersion);

    const task = await changeTask(
      inside,
      locked,
      `deleted_at = docket_now(), lease_expires_at = NULL, claimed_by = NULL,
       status = CASE status WHEN 'in_progress' THEN 'pending' ELSE status END`,
    );
    await endAttempt(inside, locked, "cancelled", authority);
    await append(inside, { type: "task.deleted", ...subject(locked), payload: { task, ...authority } });
    return { projectId: locked.projectId, taskId: locked.taskId };
  });
}
