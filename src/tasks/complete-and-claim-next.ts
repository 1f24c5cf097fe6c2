import { holdOpen } from "../projects/open.ts";
import { ALONE, type Claim, type ClaimNextTask, takeNext } from "./claim-next.ts";
import { archivedIdle } from "./idle.ts";
import { requireSkills } from "./lease.ts";
import type { TaskAddress } from "./locate.ts";
import { workerOf } from "./take.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";
import { type StatusChange, setStatus, toStatus } from "./update-status.ts";

export interface CompleteAndClaimNext extends TaskAddress {
  readonly completionNotes?: string | null | undefined;
  readonly worker?: string | null | undefined;
  readonly leaseSeconds?: number | null | undefined;
  /** Of the task to take. */
  readonly next?: Pick<ClaimNextTask, "skills"> | null | undefined;
}

const completed = (input: CompleteAndClaimNext): StatusChange => ({ ...input, status: "completed" });

/** Completes a task and takes the next of its project, both or neither. @throws as updateTaskStatus */
export const completeAndClaimNext = taskVerb(
  {
    name: "completeAndClaimNext",
    role: "agent",
    effect: "changes",
    idempotent: false,
    ofSession: true,
    limits: ({ next }) => requireSkills(next?.skills ?? []),
    ...toStatus(completed),
  },
  async (ctx, input: CompleteAndClaimNext, task): Promise<Claim & { readonly completed: TaskKey }> => {
    const { projectId, taskId } = task;
    await setStatus(ctx, task, completed(input));
    const worker = workerOf(ctx, { worker: input.worker ?? task.open?.worker });
    // A task that is held may be finished also where no more work is handed out.
    const { taken, idle } = (await holdOpen(ctx.db, projectId))
      ? await takeNext(ctx, { ...input, ...input.next, projectId, worker }, null, ALONE)
      : { taken: null, idle: archivedIdle(projectId) };
    return { taken, idle, worker, completed: { projectId, taskId } };
  },
  // Asked again there may be work; to complete again is nothing for the caller who completed.
  ({ taken, ...rest }) => taken && { ...rest, taken: { ...taken, secret: undefined } },
);
