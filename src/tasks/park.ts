import { requireReason } from "../db/text-checks.ts";
import { badInput } from "../errors.ts";
import { PARKING } from "./after-attempt.ts";
import { changeOne, type ManyChange } from "./change-many.ts";
import type { TaskAddress } from "./locate.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";

export interface ParkTask extends TaskAddress {
  /** What somebody has to decide. */
  readonly reason: string;
  readonly expectedVersion?: number | null | undefined;
}

/** What parking makes of an open task. */
export const parking = (reason: string): ManyChange => ({
  type: "task.parked",
  fields: [...PARKING, "readyAt"],
  values: { parked_reason: reason, ready_at: null },
  computed: () => "jsonb_build_object('parked_at', coalesce(r.parked_at, docket_now()))",
  payload: { reason },
});

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
    await changeOne(ctx, task, parking(reason));
    return { projectId, taskId };
  },
);
