import { once } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { holdOpen } from "../projects/open.ts";
import { type Claim, takeNext } from "./claim-next.ts";
import { lockTask } from "./hold.ts";
import { archivedIdle } from "./idle.ts";
import { requireAttemptInput } from "./lease.ts";
import { locateTask, type TaskAddress, type TaskKey } from "./locate.ts";
import { workerOf } from "./take.ts";
import { setStatus } from "./update-status.ts";

export interface CompleteAndClaimNext extends TaskAddress {
  readonly completionNotes?: string | null | undefined;
  readonly worker?: string | null | undefined;
  readonly leaseSeconds?: number | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

/** Completes a task and takes the next of its project, both or neither. @throws as updateStatus */
export function completeAndClaimNext(ctx: Context, input: CompleteAndClaimNext) {
  return once(
    ctx,
    { operation: "completeAndClaimNext", role: "agent", ofSession: true, input },
    async (inside): Promise<Claim & { completed: TaskKey }> => {
      requireAttemptInput(input);
      const task = await lockTask(inside, await locateTask(inside, input, "write", "completed"));
      const { projectId, taskId } = task;
      await setStatus(inside, task, { ...input, projectId, status: "completed" });
      const worker = workerOf(inside, { worker: input.worker ?? task.open?.worker });
      // What is held may be finished where nothing more is handed out.
      const { taken, ...rest } = (await holdOpen(inside.db, projectId))
        ? await takeNext(inside, { ...input, projectId, worker }, null)
        : { taken: null, idle: archivedIdle(projectId), worker };
      // What is returned here is stored with the idempotency key: never the secret.
      return { taken: taken && { ...taken, secret: undefined }, ...rest, completed: { projectId, taskId } };
    },
    // Asked again there may be work; to complete again is nothing for who completed.
    ({ taken }) => taken !== null,
  );
}
