import type { Context } from "../access/viewer.ts";
import { requireVisible, visibleProjects } from "../access/visibility.ts";
import { ambiguousTaskId, projectNotFound, taskNotFound } from "../errors.ts";

export interface TaskKey {
  readonly projectId: string;
  readonly taskId: string;
}

export interface TaskAddress {
  readonly projectId?: string | null | undefined;
  readonly taskId: string;
  /** For a write: the attempt that the caller holds. */
  readonly attempt?: number | null | undefined;
}

/** Of the visible projects that hold the task: which, and whether this caller has an open attempt of it there. */
const FIND = {
  name: "task-locate",
  text: `SELECT t.project_id, a.attempt IS NOT NULL AS mine
FROM tasks t LEFT JOIN task_attempts a ON a.project_id = t.project_id AND a.task_id = t.task_id AND a.ended_at IS NULL
  AND a.actor = $3 AND a.client IS NOT DISTINCT FROM $4 AND a.attempt = coalesce($5, a.attempt)
WHERE t.task_id = $1 AND ($2::text[] IS NULL OR t.project_id = ANY ($2)) AND t.deleted_at IS NULL
ORDER BY t.project_id`,
};

/**
 * Which task is meant. `taskId` alone is enough when exactly one visible project holds it; else, for a write, when
 * exactly one of those has an open attempt of this key and client.
 * @throws TASK_NOT_FOUND, PROJECT_NOT_FOUND, AMBIGUOUS_TASK_ID naming the projects.
 */
export async function locateTask(
  { db, viewer }: Context,
  address: TaskAddress,
  use: "read" | "write",
): Promise<TaskKey> {
  const { projectId, taskId, attempt } = address;
  if (projectId != null) {
    requireVisible(viewer, projectId);
    return { projectId, taskId };
  }
  const found = await db.read<{ project_id: string; mine: boolean }>(FIND, [
    taskId,
    visibleProjects(viewer),
    viewer.actor,
    viewer.client,
    attempt ?? null,
  ]);
  const mine = found.filter(({ mine }) => mine);
  const chosen = found.length === 1 ? found[0] : use === "write" && mine.length === 1 ? mine[0] : undefined;
  if (chosen) return { projectId: chosen.project_id, taskId };
  if (found.length === 0) throw taskNotFound(taskId);
  throw ambiguousTaskId(
    taskId,
    found.map(({ project_id }) => project_id),
  );
}

/** @throws PROJECT_NOT_FOUND when the project is not there, else TASK_NOT_FOUND. */
export async function refuseMissing({ db }: Context, { projectId, taskId }: TaskKey): Promise<never> {
  const [project] = await db.read("SELECT FROM projects WHERE project_id = $1", [projectId]);
  throw project ? taskNotFound(taskId, projectId) : projectNotFound(projectId);
}
