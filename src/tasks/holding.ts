import type { Context } from "../access/viewer.ts";
import { visibleProjects } from "../access/visibility.ts";
import type { TaskKey } from "./task.ts";

/** A task that one key holds under one worker's name, in this session or in another. */
export interface HeldTask extends TaskKey {
  readonly worker: string | null;
  readonly leaseExpiresAt: Date;
  /** null: not since it was claimed. */
  readonly lastRenewedAt: Date | null;
  /** Whether this client opened the attempt; never without a client id. */
  readonly thisSession: boolean;
}

/** Told at most: nobody works at more than that under one name. */
export const MOST_HELD = 100;

const HOLDING = {
  name: "task-holding",
  text: `SELECT a.project_id AS "projectId", a.task_id AS "taskId", a.worker, a.lease_expires_at AS "leaseExpiresAt",
  a.last_renewed_at AS "lastRenewedAt", coalesce(a.client = $3, false) AS "thisSession"
FROM task_attempts a WHERE a.actor = $1 AND a.worker = $2 AND a.ended_at IS NULL
  AND a.lease_expires_at > docket_now() AND ($4::text[] IS NULL OR a.project_id = ANY ($4))
  AND (a.project_id, a.task_id) IS DISTINCT FROM ($5, $6)
ORDER BY a.claimed_at DESC, a.project_id, a.task_id LIMIT ${MOST_HELD}`,
};

/**
 * What the caller's key holds under a worker's name, newest first. What it let expire is not held: everybody may take it.
 * @param besides left out: the task that the caller has just taken.
 */
export async function holding({ db, viewer }: Context, worker: string, besides: TaskKey | null): Promise<HeldTask[]> {
  // Everybody of this key who gives no name works under the key's: without a client id none of it is known to be theirs.
  if (viewer.client === null && worker === viewer.name) return [];
  return db.read<HeldTask>(HOLDING, [
    viewer.actor,
    worker,
    viewer.client,
    visibleProjects(viewer),
    besides?.projectId ?? null,
    besides?.taskId ?? null,
  ]);
}
