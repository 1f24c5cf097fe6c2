import type { Context } from "../access/viewer.ts";
import { type Holder, leaseLost, versionConflict } from "../errors.ts";
import { refuseMissing, type TaskKey } from "./locate.ts";

export type TaskStatus = "pending" | "in_progress" | "completed";

export interface Attempt {
  readonly attempt: number;
  readonly worker: string | null;
  readonly actor: string;
  readonly client: string | null;
  readonly claimed_at: Date;
  readonly lease_expires_at: Date;
  readonly ended_at: Date | null;
  readonly outcome: string | null;
}

/** A task whose row this transaction has locked, with its last attempt. */
export interface LockedTask extends TaskKey {
  readonly status: TaskStatus;
  readonly version: number;
  readonly leaseExpiresAt: Date | null;
  readonly last: Attempt | null;
  /** The attempt that holds it now. */
  readonly open: Attempt | null;
}

const LOCK = {
  name: "task-lock",
  text: `SELECT status, version, lease_expires_at FROM tasks
WHERE project_id = $1 AND task_id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE`,
};
const LAST_ATTEMPT = {
  name: "task-last-attempt",
  text: `SELECT attempt, worker, actor, client, claimed_at, lease_expires_at, ended_at, outcome FROM task_attempts
WHERE project_id = $1 AND task_id = $2 ORDER BY attempt DESC LIMIT 1`,
};

/**
 * Locks the task's row for the rest of the transaction. The attempt is read by a statement of its own: one that had
 * waited for the lock would show the attempt as it was before.
 */
export async function lockTask(ctx: Context, key: TaskKey): Promise<LockedTask> {
  const at = [key.projectId, key.taskId];
  const [task] = await ctx.db.write<{ status: TaskStatus; version: number; lease_expires_at: Date | null }>(LOCK, at);
  if (!task) return refuseMissing(ctx, key);
  const [last = null] = await ctx.db.read<Attempt>(LAST_ATTEMPT, at);
  return {
    ...key,
    status: task.status,
    version: task.version,
    leaseExpiresAt: task.lease_expires_at,
    last,
    open: last?.ended_at === null ? last : null,
  };
}

/** Whether this key, from this client, opened the attempt. The worker's name proves nothing: two sessions may share it. */
export const opened = ({ viewer }: Context, attempt: Attempt | null): boolean =>
  attempt !== null && attempt.actor === viewer.actor && attempt.client === viewer.client;

/** The fence: @throws LEASE_LOST when `attempt` is given and is not the open one. */
export function requireFence(task: LockedTask, attempt: number | null | undefined): void {
  if (attempt != null && attempt !== task.open?.attempt) throw lost(task, `attempt ${attempt} has ended`);
}

/**
 * The holder's check: the fence was given, or the caller opened the open attempt, or is an admin, or nobody holds it.
 * @throws LEASE_LOST naming the holder.
 */
export function requireHolder(ctx: Context, task: LockedTask, attempt: number | null | undefined): void {
  if (attempt != null || task.open === null || opened(ctx, task.open) || ctx.viewer.role === "admin") return;
  throw lost(task, "this session does not hold it");
}

/** @throws VERSION_CONFLICT */
export function requireVersion(task: LockedTask, expected: number | null | undefined): void {
  if (expected != null && expected !== task.version) throw versionConflict(expected, task.version);
}

/** LEASE_LOST, saying who holds the task now, since when and until when. */
export function lost({ taskId, status, open, last, leaseExpiresAt }: LockedTask, why: string) {
  const holder: Holder = {
    attempt: open?.attempt ?? null,
    worker: open?.worker ?? null,
    since: open?.claimed_at ?? null,
    until: leaseExpiresAt,
  };
  const now = open
    ? `held by ${open.worker ?? "another worker"} (attempt ${open.attempt}) since ${open.claimed_at.toISOString()} until ${open.lease_expires_at.toISOString()}`
    : leaseExpiresAt
      ? `in progress without a known holder until ${leaseExpiresAt.toISOString()}`
      : `${status}${last ? `; attempt ${last.attempt} of ${last.worker ?? "another worker"} ended: ${last.outcome}` : ""}`;
  return leaseLost(`Lease of ${taskId} lost: ${why}. The task is ${now}. Do not write it; claim other work.`, holder);
}
