import type { KeyedRequest } from "../access/idempotency.ts";
import type { Context } from "../access/viewer.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { subject } from "./change.ts";
import { TASK } from "./fields.ts";
import { type LockedTask, leaseLostBecause } from "./hold.ts";
import type { TaskAddress } from "./locate.ts";
import { ACTIVE_BEFORE, renewTogether, TELL_SOONER } from "./renew-together.ts";
import { STALLS_SOON } from "./stalled.ts";
import type { TaskKey } from "./task.ts";
import { taskVerb } from "./task-verb.ts";
import { addUsage, type UsageGiven } from "./usage/add.ts";

export interface RenewTaskLease extends TaskAddress {
  /** From now; default: the project's lease. */
  readonly leaseSeconds?: number | null | undefined;
  /** What the next worker should know if this one stops here. */
  readonly checkpoint?: unknown;
  /** Since the last call that said so. */
  readonly usage?: UsageGiven | null | undefined;
  /** For how long the worker has made no call, where something renews for it. Left out: nothing is known of it. */
  readonly idleSeconds?: number | null | undefined;
}

export interface LeaseRenewed extends TaskKey {
  /** The number of the caller's attempt; null when it renewed for another, or for nobody known. */
  readonly attempt: number | null;
  /** ISO 8601. */
  readonly leaseExpiresAt: string;
}

const LEASE = ["leaseExpiresAt"] as const;
const RENEW = {
  name: "task-renew-lease",
  text: `WITH before AS (
  SELECT t.lease_expires_at, ${TASK.document("t", LEASE)} AS document FROM tasks t WHERE t.project_id = $1 AND t.task_id = $2
), renewed AS (
  UPDATE tasks t SET lease_expires_at = docket_now() + coalesce(make_interval(secs => $3::int), project_lease(p.settings))
  FROM projects p WHERE t.project_id = $1 AND t.task_id = $2 AND p.project_id = t.project_id
  RETURNING t.project_id, t.task_id, t.lease_expires_at, p.settings, ${TASK.document("t", LEASE)} AS after
), held AS (
  UPDATE task_attempts a SET lease_expires_at = p.lease_expires_at, last_renewed_at = docket_now(),
    checkpoint = coalesce($4, a.checkpoint),
    last_active_at = greatest(a.last_active_at, CASE WHEN $4::jsonb IS NOT NULL THEN docket_now() END, ${ACTIVE_BEFORE("$5::int")})
  FROM renewed p WHERE a.project_id = p.project_id AND a.task_id = p.task_id AND a.ended_at IS NULL
  RETURNING ${STALLS_SOON} AS stalls_soon
)
SELECT r.lease_expires_at AS "leaseExpiresAt", changes_between(b.document, r.after) AS changes,
  ${TELL_SOONER("r.lease_expires_at < b.lease_expires_at OR h.stalls_soon")}
FROM before b CROSS JOIN renewed r LEFT JOIN held h ON true`,
};

/**
 * Keeps a task for longer; a late renewal succeeds until a claim or the sweep has ended the attempt, a few seconds after its
 * lease. It does not change the task's version; only a checkpoint leaves an event.
 * @throws LEASE_LOST naming the holder, TASK_NOT_FOUND, AMBIGUOUS_TASK_ID, FORBIDDEN
 */
export const renewTaskLease = taskVerb(
  {
    name: "renewTaskLease",
    role: "agent",
    effect: "changes",
    idempotent: true,
    ofSession: true,
    held: "holder",
    limits: ({ idleSeconds }: RenewTaskLease) => {
      if (idleSeconds != null && idleSeconds < 0)
        throw badInput(`idleSeconds is ${idleSeconds}; it must be 0 or more.`);
    },
    transition: requireInProgress,
    together: renewAsHolder,
  },
  async (ctx, input: RenewTaskLease, task): Promise<LeaseRenewed> => {
    const { projectId, taskId, authority } = task;
    const checkpoint = input.checkpoint == null ? null : JSON.stringify(input.checkpoint);
    const [renewed] = await ctx.db.write<{ leaseExpiresAt: Date; changes: Changes }>(RENEW, [
      projectId,
      taskId,
      input.leaseSeconds ?? null,
      checkpoint,
      // What it used shows that it was at work.
      input.usage != null ? 0 : (input.idleSeconds ?? null),
    ]);
    if (!renewed) throw new Error(`Task ${taskId} of ${projectId} vanished under its lock`);
    if (checkpoint !== null)
      await append(ctx, {
        type: "task.checkpointed",
        ...subject(task),
        payload: {
          attempt: task.open?.attempt ?? null,
          checkpoint: input.checkpoint,
          changes: renewed.changes,
          ...authority,
        },
      });
    // Last, as calls in a project with a budget take turns from here on.
    if (input.usage != null) await addUsage(ctx, task, input.usage);
    return {
      projectId,
      taskId,
      attempt: authority.override ? null : (task.open?.attempt ?? null),
      leaseExpiresAt: renewed.leaseExpiresAt.toISOString(),
    };
  },
);

/** A renewal that leaves no checkpoint and tells of no usage, and whose answer is not kept. */
async function renewAsHolder(
  ctx: Context,
  key: TaskKey,
  { attempt = null, leaseSeconds = null, checkpoint, usage, idleSeconds = null }: RenewTaskLease,
  kept: KeyedRequest | null,
): Promise<LeaseRenewed | null> {
  if (checkpoint != null || usage != null || kept !== null) return null;
  const renewed = await renewTogether(ctx.db, { ...key, attempt, leaseSeconds, idleSeconds, by: ctx, kept });
  return renewed && { ...key, attempt: renewed.attempt, leaseExpiresAt: renewed.leaseExpiresAt.toISOString() };
}

function requireInProgress(task: LockedTask): void {
  if (task.status !== "in_progress") throw leaseLostBecause(task, "it is not in progress");
}
