import { verb } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { badInput, invalidTransition } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { changeTask, documentOf, endAttempt, subject } from "./change.ts";
import {
  type Authority,
  attemptRefused,
  isHeldBy,
  type LockedTask,
  lockedTask,
  notHeld,
  requireFence,
  requireHeld,
  requireVersion,
  wasEndedBy,
} from "./hold.ts";
import { keepMore } from "./keep-more.ts";
import type { TaskAddress } from "./locate.ts";
import { READY } from "./ready.ts";
import { workerOf } from "./take.ts";
import { refuseTwin, requireTakeOver } from "./take-over.ts";
import { takeTask } from "./take-task.ts";
import type { TaskKey, TaskStatus } from "./task.ts";

export interface UpdateStatus extends TaskAddress {
  readonly status: TaskStatus;
  /** With COMPLETED: what came of it. */
  readonly completionNotes?: string | null | undefined;
  /** With PENDING: why it is given back. Its first name, completionNotes, is understood as well. */
  readonly notes?: string | null | undefined;
  /** Allows completed → pending. */
  readonly reset?: boolean | null | undefined;
  /** With IN_PROGRESS: from another session of the same key and worker name. */
  readonly takeOver?: boolean | null | undefined;
  readonly worker?: string | null | undefined;
  readonly leaseSeconds?: number | null | undefined;
  readonly expectedVersion?: number | null | undefined;
}

/** What a change of status carries; a release may leave a last checkpoint. */
export type StatusChange = UpdateStatus & { readonly checkpoint?: unknown };

export interface StatusUpdated extends TaskKey {
  /** The number of the caller's attempt, when it holds the task now. */
  readonly attempt: number | null;
  /** As the caller named itself. Absent from answers that an older server stored. */
  readonly worker?: string;
}

/**
 * The state machine of a task:
 * - pending → in_progress: a claim of this very task: an attempt, a lease.
 * - in_progress → in_progress: nothing for the holder; a claim once the lease has expired, or with takeOver;
 * LEASE_LOST for others.
 * - in_progress → completed: by the holder; the attempt ends "completed".
 * - in_progress → pending: by the holder; the attempt ends "released" (with reset: "reset").
 * - completed → pending: only with reset.
 * - completed → completed, pending → pending: no change for the caller that brought it there, except that other notes
 * are kept;   LEASE_LOST for others.
 * - anything else is refused.
 *
 * @throws TASK_NOT_FOUND, AMBIGUOUS_TASK_ID, LEASE_LOST, INVALID_STATUS_TRANSITION, VERSION_CONFLICT, FORBIDDEN
 */
export const updateStatus = verb(
  {
    name: "updateTaskStatus",
    role: "agent",
    effect: "changes",
    scope: "project",
    idempotent: true,
    ofSession: true,
    on: (ctx: Context, input: UpdateStatus) => {
      if (input.takeOver && input.status !== "in_progress") throw badInput("takeOver goes with status IN_PROGRESS.");
      if (input.notes != null && input.status !== "pending")
        throw badInput("notes goes with status PENDING; with COMPLETED send completionNotes.");
      return lockedTask(ctx, input, input.status);
    },
  },
  async (ctx, input: UpdateStatus, task): Promise<StatusUpdated> => ({
    ...(await setStatus(ctx, task, input)),
    worker: workerOf(ctx, input),
  }),
);

/** The same for a task that this transaction has locked. */
export async function setStatus(ctx: Context, task: LockedTask, input: StatusChange): Promise<StatusUpdated> {
  const key = { projectId: task.projectId, taskId: task.taskId };
  let authority: Authority = {};
  if (task.status === input.status) {
    const same = await sameStatus(ctx, task, input);
    if (same) return same;
    requireVersion(task, input.expectedVersion);
  } else authority = requireHeld(ctx, task, input, () => requireTransition(task, input));

  switch (input.status) {
    case "in_progress":
      return { ...key, attempt: (await takeTask(ctx, key, input)).attempt };
    case "completed":
      await complete(ctx, key, input.completionNotes, authority);
      break;
    case "pending":
      await giveBack(ctx, task, input, authority);
      break;
  }
  return { ...key, attempt: null };
}

function requireTransition({ status: from, taskId }: LockedTask, { status: to, reset }: StatusChange): void {
  if (from === "in_progress" || (from === "pending" && to === "in_progress")) return;
  if (from === "completed" && to === "pending") {
    if (reset) return;
    throw invalidTransition(from, to, `Send reset: true to open ${taskId} again.`);
  }
  throw invalidTransition(
    from,
    to,
    from === "pending" ? `Claim ${taskId} first (status IN_PROGRESS).` : `Reset ${taskId} to PENDING first.`,
  );
}

/** For the caller that brought the task here, keeps other notes and does no more; undefined when it is a claim. */
async function sameStatus(ctx: Context, task: LockedTask, input: StatusChange): Promise<StatusUpdated | undefined> {
  const { last, open } = task;
  const key = { projectId: task.projectId, taskId: task.taskId };
  if (task.status === "in_progress") {
    if (open && isHeldBy(ctx, open, input.attempt)) return { ...key, attempt: open.attempt };
    requireFence(task, input.attempt);
    if (await isReady(ctx, task)) return undefined;
    const worker = workerOf(ctx, input);
    return input.takeOver ? requireTakeOver(ctx, task, worker) : refuseTwin(ctx, task, worker);
  }
  if (last && wasEndedBy(ctx, last, input.attempt) && endedSo(last.outcome, input)) {
    await keepMore(ctx, task, last.attempt, { ...input, notes: saidOf(input) });
    return { ...key, attempt: null };
  }
  if (last === null && input.attempt == null && (await saysNothingNew(ctx, task, input)))
    return { ...key, attempt: null };
  throw input.attempt == null ? notHeld(ctx, task) : attemptRefused(task, input.attempt);
}

/** Whether an attempt that ended with `outcome` brought the task to the status asked for. */
function endedSo(outcome: string | null, { status, reset }: StatusChange): boolean {
  if (status === "completed") return outcome === "completed";
  return outcome === "released" || (reset === true && (outcome === "reset" || outcome === "completed"));
}

/** Of a task that is where it is without any attempt: whether all that the caller says is there already. */
async function saysNothingNew(ctx: Context, task: LockedTask, input: StatusChange) {
  return (await documentOf(ctx, task))["completionNotes"] === (saidOf(input) ?? null);
}

/** What the attempt that ends leaves in words. */
function saidOf({ status, completionNotes, notes }: StatusChange) {
  return status === "pending" ? (notes ?? completionNotes) : completionNotes;
}

async function isReady({ db }: Context, { projectId, taskId }: TaskKey): Promise<boolean> {
  const [found] = await db.read<{ ready: boolean }>(
    `SELECT ${READY} AS ready FROM tasks t WHERE t.project_id = $1 AND t.task_id = $2`,
    [projectId, taskId],
  );
  return found?.ready === true;
}

/** The holder's completion, once it may: stamps the task, ends the attempt, tells the log. */
async function complete(
  ctx: Context,
  key: TaskKey,
  notes: string | null | undefined,
  authority: Authority,
): Promise<void> {
  const changed = await changeTask(
    ctx,
    key,
    `status = 'completed', completed_at = docket_now(), lease_expires_at = NULL, claimed_by = NULL,
     completion_notes = coalesce($3, completion_notes)`,
    [notes ?? null],
  );
  await endAttempt(ctx, key, "completed", { notes, ...authority });
  await append(ctx, { type: "task.completed", ...subject(key), payload: { ...changed, ...authority } });
}

/** Back to pending; the notes stay with the attempt. */
async function giveBack(ctx: Context, task: LockedTask, input: StatusChange, authority: Authority): Promise<void> {
  const { reset, checkpoint } = input;
  const notes = saidOf(input);
  const { changes } = await changeTask(
    ctx,
    task,
    `status = 'pending', completed_at = NULL, completion_notes = NULL, lease_expires_at = NULL, claimed_by = NULL`,
  );
  await endAttempt(ctx, task, reset ? "reset" : "released", { notes, checkpoint, ...authority });
  await append(ctx, {
    type: reset ? "task.reset" : "task.released",
    ...subject(task),
    payload: {
      attempt: task.open?.attempt ?? null,
      worker: task.open?.worker ?? null,
      notes: notes ?? null,
      changes,
      ...authority,
    },
  });
}
