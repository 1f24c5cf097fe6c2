import { requireProjects } from "../access/visibility.ts";
import { holdAnyOpen } from "../projects/open.ts";
import { type AskedFor, wantedOf } from "./asked-for.ts";
import { ALONE, type Claim, takeNext } from "./claim-next.ts";
import { archivedIdle } from "./idle.ts";
import type { TaskAddress } from "./locate.ts";
import { workerOf } from "./take.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";
import { type StatusChange, setStatus, toStatus } from "./update-status.ts";
import type { UsageGiven } from "./usage/add.ts";

export interface CompleteAndClaimNext extends TaskAddress {
  readonly completionNotes?: string | null | undefined;
  readonly worker?: string | null | undefined;
  readonly leaseSeconds?: number | null | undefined;
  /** Since the last call that said so. */
  readonly usage?: UsageGiven | null | undefined;
  /** Of the task to take. */
  readonly next?: AskedFor | null | undefined;
}

const completed = (input: CompleteAndClaimNext): StatusChange => ({ ...input, status: "completed" });

/** What is wanted next: of the project of the task that is completed, unless it says of which. */
const askedNext = (next: AskedFor | null | undefined, completed: string): AskedFor => ({
  ...next,
  projectId: next?.projects == null ? (next?.projectId ?? completed) : next.projectId,
});
const wantedNext = (next: AskedFor | null | undefined, completed: string) => wantedOf(askedNext(next, completed));

/** Completes a task and takes the next of its project, or of others, both or neither. @throws as updateTaskStatus */
export const completeAndClaimNext = taskVerb(
  {
    name: "completeAndClaimNext",
    role: "agent",
    effect: "changes",
    idempotent: false,
    ofSession: true,
    limits: ({ next }) => void wantedNext(next, ""),
    ...toStatus(completed),
  },
  async (ctx, input: CompleteAndClaimNext, task): Promise<Claim & { readonly completed: TaskKey }> => {
    const { projectId, taskId } = task;
    const { projects } = wantedNext(input.next, projectId);
    if (input.next?.projects ?? input.next?.projectId) await requireProjects(ctx, projects);
    // First, as the usage of the completed task holds its project, too.
    const anyOpen = await holdAnyOpen(ctx.db, projects, projectId);
    await setStatus(ctx, task, completed(input));
    const worker = workerOf(ctx, { worker: input.worker ?? task.open?.worker });
    // A task that is held may be finished also where no more work is handed out.
    const { taken, idle } = anyOpen
      ? await takeNext(ctx, { ...input, ...askedNext(input.next, projectId), worker }, null, ALONE)
      : { taken: null, idle: archivedIdle(projects) };
    return { taken, idle, worker, completed: { projectId, taskId } };
  },
  // Asked again there may be work; to complete again is nothing for the caller who completed.
  ({ taken, ...rest }) => taken && { ...rest, taken: { ...taken, secret: undefined } },
);
