import type { Context } from "../access/viewer.ts";
import { projectArchived, projectNotFound } from "../errors.ts";
import { LEASED, PENDING, READY } from "./ready.ts";

/** Why there is nothing to claim. */
export interface Idle {
  readonly message: string;
  /** Tasks that were ready, but locked by other claims at this moment. */
  readonly pending: number;
  /** Tasks in progress under a lease that has not expired. */
  readonly held: number;
  /** When the first of those leases ends: the earliest time at which asking again can help without new work. */
  readonly retryAt: Date | null;
}

/** There is nothing, and there will not be. */
export const archivedIdle = (projectId: string): Idle => ({
  message: projectArchived(projectId).message,
  pending: 0,
  held: 0,
  retryAt: null,
});

const WHY = {
  name: "task-idle",
  text: `SELECT p.archived_at IS NOT NULL AS archived, count(t.task_id) FILTER (WHERE ${READY})::int AS pending,
  count(t.task_id) FILTER (WHERE NOT ${READY})::int AS held,
  min(t.lease_expires_at) FILTER (WHERE NOT ${READY}) AS "retryAt"
FROM projects p LEFT JOIN tasks t ON t.project_id = p.project_id AND ((${PENDING}) OR (${LEASED}))
WHERE p.project_id = $1 GROUP BY p.project_id`,
};

/** @throws PROJECT_NOT_FOUND, PROJECT_ARCHIVED */
export async function whyIdle({ db }: Pick<Context, "db">, projectId: string): Promise<Idle> {
  const [found] = await db.read<Omit<Idle, "message"> & { archived: boolean }>(WHY, [projectId]);
  if (!found) throw projectNotFound(projectId);
  const { archived, ...counts } = found;
  if (archived) throw projectArchived(projectId);
  const { pending } = counts;
  return {
    ...counts,
    message:
      pending > 0
        ? `${pending} tasks are ready but just being claimed by others; ask again in a moment`
        : "No pending tasks for project",
  };
}
