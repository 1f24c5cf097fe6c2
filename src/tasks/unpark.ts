import type { Context } from "../access/viewer.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { AFTER_ATTEMPT, PARKING } from "./after-attempt.ts";
import { changeStatement, changeTask, documentOf, subject } from "./change.ts";
import type { JudgedTask } from "./hold.ts";
import type { TaskAddress } from "./locate.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";

export interface UnparkTask extends TaskAddress {
  readonly expectedVersion?: number | null | undefined;
}

const UNPARKED = changeStatement(
  "task-unpark",
  "failures = 0, ready_at = NULL, parked_at = NULL, parked_reason = NULL",
);

/**
 * Lets a task be claimed again, at once: it is no longer parked, waits for no time, and its failures are forgotten. One of
 * which nothing of that is true stays as it is.
 * @throws TASK_NOT_FOUND, AMBIGUOUS_TASK_ID, LEASE_LOST (with `attempt`), VERSION_CONFLICT, FORBIDDEN
 */
export const unparkTask = taskVerb(
  { name: "unparkTask", role: "agent", effect: "changes", idempotent: true, held: "fence" },
  async (ctx, _input: UnparkTask, task): Promise<TaskKey> => {
    const { projectId, taskId } = task;
    const before = await documentOf(ctx, task);
    // What is as it would be is 0 or null.
    if ([...AFTER_ATTEMPT, ...PARKING].some((field) => before[field])) await unpark(ctx, task);
    return { projectId, taskId };
  },
);

/** Unparks a task that was judged. */
export async function unpark(ctx: Context, task: JudgedTask): Promise<Changes> {
  const { changes } = await changeTask(ctx, task, UNPARKED);
  await append(ctx, { type: "task.unparked", ...subject(task), payload: { changes } });
  return changes;
}
