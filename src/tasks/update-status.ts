import { byEitherName, identityByFormer } from "../access/former-name.ts";
import type { KeyedRequest } from "../access/idempotency.ts";
import type { Context } from "../access/viewer.ts";
import { badInput, invalidTransition } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { afterAttempt } from "./after-attempt.ts";
import { changeStatement, changeTask, documentOf, endAttempt, SET_COMPLETED, subject } from "./change.ts";
import { completeTogether } from "./complete-together.ts";
import {
  attemptRefused,
  isHeldBy,
  type JudgedTask,
  type LockedTask,
  notHeld,
  requireFence,
  wasEndedBy,
} from "./hold.ts";
import { keepMore } from "./keep-more.ts";
import { requireSkills } from "./lease.ts";
import type { TaskAddress } from "./locate.ts";
import { EXPIRED } from "./ready.ts";
import { requireReady } from "./require-ready.ts";
import { workerOf } from "./take.ts";
import { takeAskedTogether } from "./take-asked.ts";
import { refuseTwin, requireTakeOver } from "./take-over.ts";
import { takeTask } from "./take-task.ts";
import type { TaskKey, TaskStatus } from "./task.ts";
import { taskVerb } from "./task-verb.ts";
import { addUsage, type UsageGiven } from "./usage/add.ts";

export interface UpdateTaskStatus extends TaskAddress {
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
  /** With IN_PROGRESS: what the worker can do. */
  readonly skills?: readonly string[] | null | undefined;
  readonly leaseSeconds?: number | null | undefined;
  /** With COMPLETED and PENDING: since the last call that said so. */
  readonly usage?: UsageGiven | null | undefined;
  readonly expectedVersion?: number | null | undefined;
}

/** What a release says beside. */
export interface GiveBack {
  readonly checkpoint?: unknown;
  /** Default: released. */
  readonly outcome?: "released" | "failed" | null | undefined;
  /** The task is not claimed before. */
  readonly retryAfterSeconds?: number | null | undefined;
  /** Given back as the session ends, which says little of the task. */
  readonly sessionEnded?: boolean | null | undefined;
}

/** What a change of status carries. */
export type StatusChange = UpdateTaskStatus & GiveBack;

export interface StatusUpdated extends TaskKey {
  /** The number of the caller's attempt, when it holds the task now. */
  readonly attempt: number | null;
  /** Of an attempt that was opened just now; never in a stored answer. */
  readonly secret?: string | undefined;
  /** As the caller named itself. Absent from answers that an older server stored. */
  readonly worker?: string;
}

/** How a verb that changes the status of a task is judged. */
export const toStatus = <Input extends object>(change: (input: Input) => StatusChange) =>
  ({
    held: "holder",
    settles: (input: Input) => change(input).status === "completed" || change(input).reset === true,
    to: (input: Input) => change(input).status,
    again: (ctx: Context, task: LockedTask, input: Input) => isThereAlready(ctx, task, change(input)),
    transition: (task: LockedTask, input: Input) => requireTransition(task, change(input)),
  }) as const;

/**
 * The state machine of a task:
 * - pending → in_progress: a claim of this very task: an attempt, a lease.
 * - in_progress → in_progress: nothing for the holder; a claim once the lease has expired, or with takeOver;
 * LEASE_LOST for others.
 * - in_progress → completed: by the holder; the attempt ends "completed".
 * - in_progress → pending: by the holder; the attempt ends "released" or "failed" (with reset: "reset").
 * - completed → pending: only with reset.
 * - completed → completed, pending → pending: no change for the caller that brought it there, except that other notes
 * are kept; LEASE_LOST for others.
 * - anything else is refused.
 *
 * @throws TASK_NOT_FOUND, AMBIGUOUS_TASK_ID, LEASE_LOST, NOT_READY, INVALID_STATUS_TRANSITION, VERSION_CONFLICT, FORBIDDEN
 */
export const updateTaskStatus = taskVerb(
  {
    name: "updateTaskStatus",
    role: "agent",
    effect: "changes",
    idempotent: true,
    ofSession: true,
    identity: (input) => (input.status === "pending" ? identityByFormer(input, "notes", "completionNotes") : input),
    together: setTogether,
    limits: (input: UpdateTaskStatus) => {
      requireSkills(input.skills ?? []);
      if (input.takeOver && input.status !== "in_progress") throw badInput("takeOver goes with status IN_PROGRESS.");
      if (input.notes != null && input.status !== "pending")
        throw badInput("notes goes with status PENDING; with COMPLETED send completionNotes.");
      if (input.usage != null && input.status === "in_progress")
        throw badInput(
          "usage goes with status COMPLETED or PENDING; while you hold the task, send it with renewTaskLease.",
        );
    },
    ...toStatus((input: UpdateTaskStatus) => input),
  },
  async (ctx, input: UpdateTaskStatus, task): Promise<StatusUpdated> => ({
    ...(await setStatus(ctx, task, input)),
    worker: workerOf(ctx, input),
  }),
);

/** A claim of a task that is simply ready, and the completion, without usage, of one that nothing waits for. */
async function setTogether(
  ctx: Context,
  key: TaskKey,
  { status, attempt = null, takeOver, reset, skills, leaseSeconds, completionNotes, usage, ...input }: UpdateTaskStatus,
  kept: KeyedRequest | null,
): Promise<StatusUpdated | null> {
  const worker = workerOf(ctx, input);
  const asked = { worker, by: ctx, kept };
  if (status === "in_progress" && attempt === null && !takeOver) {
    const claim = { ...asked, taskId: key.taskId, skills: skills ?? [], leaseSeconds: leaseSeconds ?? null };
    const taken = await takeAskedTogether(ctx.db, key.projectId, claim);
    return taken && { ...taken, worker };
  }
  if (status !== "completed" || reset || usage != null) return null;
  const done = await completeTogether(ctx.db, { ...asked, ...key, attempt, notes: completionNotes ?? null });
  return done ? { ...key, attempt: null, worker } : null;
}

/** Changes the status of a task that was judged by `toStatus`. */
export async function setStatus(ctx: Context, task: JudgedTask, input: StatusChange): Promise<StatusUpdated> {
  const { projectId, taskId } = task;
  if (task.already) return { projectId, taskId, attempt: await sayMore(ctx, task, input) };
  switch (input.status) {
    case "in_progress":
      if (!(await takesOver(ctx, task, input)))
        await requireReady(ctx, task, { worker: workerOf(ctx, input), skills: input.skills ?? [] });
      return { projectId, taskId, attempt: (await takeTask(ctx, task, input)).attempt };
    case "completed":
      await complete(ctx, task, input.completionNotes);
      break;
    case "pending":
      await giveBack(ctx, task, input);
      break;
  }
  // Last, as calls in a project with a budget take turns from here on.
  if (input.usage != null) await addUsage(ctx, task, input.usage);
  return { projectId, taskId, attempt: null };
}

/** What is taken over is held, and stays so. */
const takesOver = async (ctx: Context, task: JudgedTask, { takeOver }: StatusChange) =>
  takeOver === true && task.status === "in_progress" && !(await hasExpired(ctx, task));

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

/** Whether the caller brought the task to the status that it has and asks for; false: it may claim what has expired. */
async function isThereAlready(ctx: Context, task: LockedTask, input: StatusChange): Promise<boolean> {
  const { last, open } = task;
  if (task.status === "in_progress") {
    if (open && isHeldBy(ctx, open, input.attempt)) return true;
    requireFence(task, input.attempt);
    if (await hasExpired(ctx, task)) return false;
    const worker = workerOf(ctx, input);
    await (input.takeOver ? requireTakeOver(ctx, task, worker) : refuseTwin(ctx, task, worker));
    return false;
  }
  if (last && wasEndedBy(ctx, last, input.attempt) && endedSo(last.outcome, input)) return true;
  if (last === null && input.attempt == null && (await saysNothingNew(ctx, task, input))) return true;
  throw input.attempt == null ? notHeld(ctx, task) : attemptRefused(task, input.attempt);
}

/** Of a task that the caller brought here: its attempt while it holds the task; else other notes are kept. */
async function sayMore(ctx: Context, task: JudgedTask, input: StatusChange): Promise<number | null> {
  if (task.status === "in_progress") return task.open?.attempt ?? null;
  if (task.last) await keepMore(ctx, task, task.last.attempt, { ...input, notes: saidOf(input) });
  return null;
}

/** Whether an attempt that ended with `outcome` brought the task to the status asked for. */
function endedSo(ended: string | null, { status, reset, outcome }: StatusChange): boolean {
  if (status === "completed") return ended === "completed";
  return ended === (outcome ?? "released") || (reset === true && (ended === "reset" || ended === "completed"));
}

/** Of a task that is where it is without any attempt: whether all that the caller says is there already. */
async function saysNothingNew(ctx: Context, task: LockedTask, input: StatusChange) {
  return (await documentOf(ctx, task))["completionNotes"] === (saidOf(input) ?? null);
}

/** What the attempt that ends leaves in words. */
function saidOf(change: StatusChange) {
  return change.status === "pending" ? byEitherName(change, "notes", "completionNotes") : change.completionNotes;
}

async function hasExpired({ db }: Context, { projectId, taskId }: TaskKey): Promise<boolean> {
  const [found] = await db.read<{ expired: boolean }>(
    `SELECT ${EXPIRED} AS expired FROM tasks t WHERE t.project_id = $1 AND t.task_id = $2`,
    [projectId, taskId],
  );
  return found?.expired === true;
}

const COMPLETED = changeStatement("task-complete", SET_COMPLETED("$3", "t"));
const GIVEN_BACK = changeStatement(
  "task-give-back",
  `status = 'pending', completed_at = NULL, completion_notes = NULL, lease_expires_at = NULL, claimed_by = NULL,
    ${afterAttempt("$3::text", "$4::jsonb", "$5::text", "$6::boolean", "$7::integer")}`,
);

/** The holder's completion, once it may: stamps the task, ends the attempt, tells the log. */
async function complete(ctx: Context, task: JudgedTask, notes: string | null | undefined): Promise<void> {
  const changed = await changeTask(ctx, task, COMPLETED, [notes ?? null]);
  await endAttempt(ctx, task, "completed", { notes });
  await append(ctx, { type: "task.completed", ...subject(task), payload: { ...changed, ...task.authority } });
}

/** Back to pending; the notes stay with the attempt. */
async function giveBack(ctx: Context, task: JudgedTask, input: StatusChange): Promise<void> {
  const { reset, checkpoint, sessionEnded, retryAfterSeconds } = input;
  const notes = saidOf(input);
  const outcome = reset ? "reset" : (input.outcome ?? "released");
  const changed = await changeTask(ctx, task, GIVEN_BACK, [
    outcome,
    checkpoint == null ? null : JSON.stringify(checkpoint),
    notes ?? null,
    sessionEnded === true,
    retryAfterSeconds ?? null,
  ]);
  await endAttempt(ctx, task, outcome, { notes, checkpoint });
  const { parkedAt, parkedReason, ...changes } = changed.changes;
  await append(ctx, {
    type: reset ? "task.reset" : "task.released",
    ...subject(task),
    payload: {
      attempt: task.open?.attempt ?? null,
      worker: task.open?.worker ?? null,
      outcome: outcome.toUpperCase(),
      notes: notes ?? null,
      ...(checkpoint != null && { checkpoint }),
      changes,
      ...task.authority,
    },
  });
  if (parkedAt && parkedReason)
    await append(ctx, {
      type: "task.parked",
      ...subject(task),
      payload: { reason: parkedReason.new, changes: { parkedAt, parkedReason }, ...task.authority },
    });
}
