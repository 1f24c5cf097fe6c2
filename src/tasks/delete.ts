import { append } from "../log/write/append.ts";
import { changeStatement, changeTask, endAttempt, subject } from "./change.ts";
import type { TaskAddress } from "./locate.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";

export interface DeleteTask extends TaskAddress {
  readonly expectedVersion?: number | null | undefined;
}

const DELETED = changeStatement(
  "task-delete",
  `deleted_at = docket_now(), lease_expires_at = NULL, claimed_by = NULL,
    status = CASE status WHEN 'in_progress' THEN 'pending' ELSE status END`,
);

/**
 * Takes a task off every list; its row, its ID and its history stay. A task that somebody else holds is theirs.
 * @throws TASK_NOT_FOUND, LEASE_LOST, VERSION_CONFLICT, FORBIDDEN
 */
export const deleteTask = taskVerb(
  { name: "deleteTask", role: "agent", effect: "ends", idempotent: true, held: "holder" },
  async (ctx, _input: DeleteTask, task): Promise<TaskKey> => {
    const changed = await changeTask(ctx, task, DELETED);
    await endAttempt(ctx, task, "cancelled");
    await append(ctx, { type: "task.deleted", ...subject(task), payload: { ...changed, ...task.authority } });
    return { projectId: task.projectId, taskId: task.taskId };
  },
);
