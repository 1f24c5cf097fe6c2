import { AFTER_ATTEMPT, PARKING } from "./after-attempt.ts";
import { changeOne, type ManyChange } from "./change-many.ts";
import type { TaskAddress } from "./locate.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";

export interface UnparkTask extends TaskAddress {
  readonly expectedVersion?: number | null | undefined;
}

/** What unparking makes of a task. */
export const UNPARKING: ManyChange = {
  type: "task.unparked",
  fields: [...AFTER_ATTEMPT, ...PARKING],
  values: { failures: 0, ready_at: null, parked_at: null, parked_reason: null },
};

/**
 * Lets a task be claimed again, at once: it is no longer parked, waits for no time, and its failures are forgotten. One of
 * which nothing of that is true stays as it is.
 * @throws TASK_NOT_FOUND, AMBIGUOUS_TASK_ID, LEASE_LOST (with `attempt`), VERSION_CONFLICT, FORBIDDEN
 */
export const unparkTask = taskVerb(
  { name: "unparkTask", role: "agent", effect: "changes", idempotent: true, held: "fence" },
  async (ctx, _input: UnparkTask, task): Promise<TaskKey> => {
    const { projectId, taskId } = task;
    await changeOne(ctx, task, UNPARKING);
    return { projectId, taskId };
  },
);
