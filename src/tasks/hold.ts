import type { Context } from "../access/viewer.ts";
import { type Holder, leaseLost, versionConflict } from "../errors.ts";
import { numberOf, proves } from "./capability.ts";
import type { TaskKey, TaskStatus } from "./task.ts";

/** An attempt of a locked task, as the fence judges it. */
export interface LockedAttempt {
  readonly attempt: number;
  /** For `proves` alone: it is in no answer. */
  readonly secret: string;
  readonly worker: string | null;
  readonly actor: string;
  readonly client: string | null;
  readonly claimed_at: Date;
  readonly lease_expires_at: Date;
  readonly ended_at: Date | null;
  readonly outcome: string | null;
  /** The key that ended it, where it was not its holder. */
  readonly ended_by: string | null;
}

/** A task whose row this transaction has locked, with its last attempt. */
export interface LockedTask extends TaskKey {
  readonly status: TaskStatus;
  readonly version: number;
  readonly leaseExpiresAt: Date | null;
  readonly archivedAt: Date | null;
  readonly isTemplate: boolean;
  readonly last: LockedAttempt | null;
  /** The attempt that holds it now. */
  readonly open: LockedAttempt | null;
}

/** Goes into the event of a write: whether an admin wrote in the place of who holds the task. */
export interface Authority {
  readonly override?: true;
}

/** A locked task that the caller may write: `taskVerb` gives one, and a verb that judged several makes it by `unheld`. */
export interface JudgedTask extends LockedTask {
  readonly authority: Authority;
  /** The caller itself has brought it to the status that it asks for. */
  readonly already: boolean;
}

/** A locked task that nobody holds. */
export const unheld = ({ projectId, taskId }: TaskKey, status: TaskStatus, version: number): JudgedTask => ({
  projectId,
  taskId,
  status,
  version,
  leaseExpiresAt: null,
  archivedAt: null,
  isTemplate: false,
  last: null,
  open: null,
  authority: {},
  already: false,
});

/** Whether this key, from this client, opened the attempt. The worker's name proves nothing: two sessions may share it. */
export const opened = (
  { viewer }: Context,
  attempt: Pick<LockedAttempt, "client"> & { readonly actor: string | null },
): boolean => viewer.client !== null && attempt.actor === viewer.actor && attempt.client === viewer.client;

/** Whether the attempt is the caller's: it was given, or without one this key and client opened it. */
export const isHeldBy = (ctx: Context, attempt: LockedAttempt, given: string | null | undefined): boolean =>
  given == null ? opened(ctx, attempt) : proves(given, attempt);

/** Whether it was the caller who ended the attempt. */
export function wasEndedBy(ctx: Context, attempt: LockedAttempt, given: string | null | undefined): boolean {
  if (attempt.ended_by === null) return isHeldBy(ctx, attempt, given);
  if (attempt.ended_by !== ctx.viewer.actor) return false;
  // An admin's key may have ended from one session what it had opened from another.
  return given == null ? !opened(ctx, attempt) : attempt.actor !== ctx.viewer.actor && proves(given, attempt);
}

/** The fence: @throws LEASE_LOST when an attempt is given and is not the open one. */
export function requireFence(task: LockedTask, given: string | null | undefined): void {
  if (given != null && !(task.open && proves(given, task.open))) throw attemptRefused(task, given);
}

/** LEASE_LOST for an attempt that is not the one it would have to be. The message never repeats what was given. */
export function attemptRefused(task: LockedTask, given: string) {
  const number = numberOf(given);
  return number === null
    ? leaseLostBecause(task, "what was given as attempt is none", { attemptMissing: true })
    : leaseLostBecause(task, whyRefused(task, given, number));
}

function whyRefused({ last }: LockedTask, given: string, number: number): string {
  if (last === null || number > last.attempt) return `there is no attempt ${number}`;
  if (number < last.attempt || proves(given, last)) return `attempt ${number} has ended`;
  return `attempt ${number} was not given to this caller; pass it exactly as your own claim returned it`;
}

/** LEASE_LOST for a caller that gave no attempt. */
export const notHeld = ({ viewer }: Context, task: LockedTask) =>
  viewer.client === null
    ? leaseLostBecause(task, "no attempt was given, and nothing else shows who holds the task", {
        attemptMissing: true,
      })
    : leaseLostBecause(task, "this session does not hold it");

/** @throws VERSION_CONFLICT */
export function requireVersion(task: LockedTask, expected: number | null | undefined): void {
  if (expected != null && expected !== task.version) throw versionConflict(expected, task.version);
}

/** LEASE_LOST, saying who holds the task now, since when and until when, or who held it last. */
export function leaseLostBecause(task: LockedTask, why: string, wayOn: Parameters<typeof leaseLost>[2] = {}) {
  const { taskId, open, leaseExpiresAt } = task;
  const holder: Holder = {
    attempt: open?.attempt ?? null,
    worker: open?.worker ?? null,
    since: open?.claimed_at ?? null,
    until: leaseExpiresAt,
  };
  const what = `Lease of ${taskId} lost: ${why}. The task is ${stateOf(task)}. Nothing of this call was kept.`;
  return leaseLost(what, holder, wayOn);
}

function stateOf({ status, open, last, leaseExpiresAt }: LockedTask): string {
  if (open)
    return `held by ${nameOf(open)} (attempt ${open.attempt}) since ${open.claimed_at.toISOString()} until ${open.lease_expires_at.toISOString()}`;
  if (leaseExpiresAt) return `in progress without a known holder until ${leaseExpiresAt.toISOString()}`;
  const state = status.replace("_", " ");
  if (!last?.ended_at) return state;
  const by = last.ended_by === null ? "" : `, by the key ${last.ended_by}`;
  return `${state}: attempt ${last.attempt} of ${nameOf(last)} ended at ${last.ended_at.toISOString()} as ${last.outcome}${by}`;
}

const nameOf = ({ worker }: LockedAttempt) => worker ?? "another worker";
