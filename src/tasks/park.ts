import type { Context } from "../access/viewer.ts";
import { requireReason } from "../db/text-checks.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { changeStatement, changeTask, documentOf, subject } from "./change.ts";
import type { JudgedTask } from "./hold.ts";
import type { TaskAddress } from "./locate.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";

export interface ParkTask extends TaskAddress {
  /** What somebody has to decide. */
  readonly reason: string;
  readonly expectedVersion?: number | null | undefined;
}

const PARKED = changeStatement(
  "task-park",
  "parked_at = coalesce(parked_at, docket_now()), parked_reason = $3, ready_at = NULL",
);

/**
 * Keeps a task from being claimed until it is unparked; who holds it may finish it. Parked again it keeps another reason,
 * and with the same one nothing changes.
 * @throws TASK_NOT_FOUND, AMBIGUOUS_TASK_ID, LEASE_LOST (with `attempt`), VERSION_CONFLICT, FORBIDDEN; BAD_USER_INPUT also
 *   for a task that is completed.
 */
export const parkTask = taskVerb(
  {
    name: "parkTask",
    role: "agent",
    effect: "changes",
    idempotent: true,
    held: "fence",
    limits: ({ reason }: ParkTask) => requireReason(reason, ": say what somebody has to decide."),
    transition: ({ status, taskId }) => {
      if (status === "completed") throw badInput(`${taskId} is completed; only open tasks are parked.`);
    },
  },
  async (ctx, { reason }: ParkTask, task): Promise<TaskKey> => {
    const { projectId, taskId } = task;
    const before = await documentOf(ctx, task);
    if (before["parkedAt"] === null || before["parkedReason"] !== reason) await park(ctx, task, reason);
    return { projectId, taskId };
  },
);

/** Parks a task that was judged. */
export async function park(ctx: Context, task: JudgedTask, reason: string): Promise<Changes> {
  const { changes } = await changeTask(ctx, task, PARKED, [reason]);
  await append(ctx, { type: "task.parked", ...subject(task), payload: { reason, changes } });
  return changes;
}
