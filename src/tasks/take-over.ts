import type { Context } from "../access/viewer.ts";
import { type LockedTask, leaseLostBecause, notHeld } from "./hold.ts";

const WHEN = {
  name: "task-take-over",
  text: `SELECT renewed.at, renewed.at + (a.lease_expires_at - renewed.at) / 2 AS "from",
  renewed.at + (a.lease_expires_at - renewed.at) / 2 <= docket_now() AS silent
FROM task_attempts a CROSS JOIN LATERAL (SELECT coalesce(a.last_renewed_at, a.claimed_at) AS at) renewed
WHERE a.project_id = $1 AND a.task_id = $2 AND a.ended_at IS NULL`,
};

interface Silence {
  /** When the holder was last heard of. */
  readonly at: Date;
  readonly from: Date;
  readonly silent: boolean;
}

/** Since when a task's holder is silent, where it may be an earlier session of the caller: the same key and worker name. */
async function twinOf({ db, viewer }: Context, task: LockedTask, worker: string): Promise<Silence | undefined> {
  const { open, projectId, taskId } = task;
  if (open === null || open.actor !== viewer.actor || open.worker !== worker) return undefined;
  const [found] = await db.read<Silence>(WHEN, [projectId, taskId]);
  return found;
}

/**
 * A session may take over what its own key holds under its own worker name, as a session that died leaves it. One that
 * lives renews every third of its lease, so half a lease of silence tells them apart: a twin is not robbed.
 * @throws LEASE_LOST
 */
export async function requireTakeOver(ctx: Context, task: LockedTask, worker: string): Promise<void> {
  const twin = await twinOf(ctx, task, worker);
  if (!twin)
    throw leaseLostBecause(
      task,
      `takeOver is for what your own key holds under the same worker name, and yours is ${worker}`,
    );
  if (twin.silent) return;
  throw leaseLostBecause(
    task,
    `its holder was heard of at ${twin.at.toISOString()} and may be at work; unless it renews, takeOver is possible from ${twin.from.toISOString()}`,
    { takeOverFrom: twin.from },
  );
}

/**
 * Refuses a claim of what somebody else holds; where that may be a dead session of the caller, with the way on.
 * @throws LEASE_LOST
 */
export async function refuseTwin(ctx: Context, task: LockedTask, worker: string): Promise<never> {
  const { client, name } = ctx.viewer;
  // Everybody of this key who gives no name works under the key's, and without a client id nobody knows who is who.
  const twin = client === null && worker === name ? undefined : await twinOf(ctx, task, worker);
  if (!twin) throw notHeld(ctx, task);
  const who =
    client === null
      ? "no attempt was given, and your key and worker name hold it"
      : "another session of your key and worker name holds it";
  const when = twin.silent ? "now" : `from ${twin.from.toISOString()}, unless it renews`;
  throw leaseLostBecause(
    task,
    `${who}, last heard of at ${twin.at.toISOString()}; if that session died, takeOver is possible ${when}`,
    { takeOverFrom: twin.from, ...(client === null && { attemptMissing: true }) },
  );
}
