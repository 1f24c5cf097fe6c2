import type { Context } from "../access/viewer.ts";
import { type LockedTask, lost } from "./hold.ts";

const WHEN = {
  name: "task-take-over",
  text: `SELECT renewed.at, renewed.at + (a.lease_expires_at - renewed.at) / 2 AS "from",
  renewed.at + (a.lease_expires_at - renewed.at) / 2 <= docket_now() AS silent
FROM task_attempts a CROSS JOIN LATERAL (SELECT coalesce(a.last_renewed_at, a.claimed_at) AS at) renewed
WHERE a.project_id = $1 AND a.task_id = $2 AND a.ended_at IS NULL`,
};

/**
 * A session may take over what its own key holds under its own worker name, as a session that died leaves it. One that
 * lives renews every third of its lease, so half a lease of silence tells them apart: a twin is not robbed.
 * @throws LEASE_LOST
 */
export async function requireTakeOver(ctx: Context, task: LockedTask, worker: string): Promise<undefined> {
  const { open, projectId, taskId } = task;
  if (open === null || open.actor !== ctx.viewer.actor || open.worker !== worker)
    throw lost(task, `takeOver is for what your own key holds under the same worker name, and yours is ${worker}`);
  const [found] = await ctx.db.read<{ at: Date; from: Date; silent: boolean }>(WHEN, [projectId, taskId]);
  if (found?.silent) return undefined;
  const { at, from } = found ?? { at: open.claimed_at, from: open.lease_expires_at };
  throw lost(
    task,
    `its holder was heard of at ${at.toISOString()} and may be at work; unless it renews, takeOver is possible from ${from.toISOString()}`,
  );
}
