import type { Context } from "../access/viewer.ts";
import { requireVisible, visibleProjects } from "../access/visibility.ts";
import { ambiguousTaskId, projectNotFound, taskNotFound } from "../errors.ts";
import { numberOf, proves } from "./capability.ts";
import type { TaskKey, TaskStatus } from "./task.ts";

export interface TaskAddress {
  readonly projectId?: string | null | undefined;
  readonly taskId: string;
  /** For a write: the attempt as its holder was given it (capability.ts). */
  readonly attempt?: string | null | undefined;
}

interface Found {
  readonly project_id: string;
  readonly status: TaskStatus;
  /** The last attempt, or the one of the number given: null if there is none. */
  readonly attempt: number | null;
  readonly secret: string | null;
  readonly open: boolean;
  /** Whether this key and client opened it. */
  readonly opened: boolean | null;
}

/** Of the visible projects that hold the task: which, and what this caller has to do with it there. */
const find = (name: string, among: string) => ({
  name,
  text: `SELECT t.project_id, t.status, a.attempt, a.secret, a.attempt IS NOT NULL AND a.ended_at IS NULL AS open,
  a.actor = $3 AND a.client = $4 AS opened
FROM tasks t LEFT JOIN LATERAL (
  SELECT a.attempt, a.secret, a.ended_at, a.actor, a.client FROM task_attempts a
  WHERE a.project_id = t.project_id AND a.task_id = t.task_id AND a.attempt = coalesce($5, a.attempt)
  ORDER BY a.attempt DESC LIMIT 1) a ON true
WHERE t.task_id = $1 AND ($2::text[] IS NULL OR t.project_id = ANY ($2)) AND ${among}
ORDER BY t.project_id`,
});
const FIND = find("task-locate", "t.deleted_at IS NULL");
/** Among those that were deleted, too. */
const FIND_ALL = find("task-locate-all", "true");

const ONLY_PROJECT = {
  name: "task-locate-only-project",
  text: `SELECT count(*) < 2 AS only
FROM (SELECT FROM projects WHERE $1::text[] IS NULL OR project_id = ANY ($1) LIMIT 2) visible`,
};

/**
 * Which task is meant; lower case is understood, as in every artifact ID. To read, `taskId` alone is enough when
 * exactly one visible project holds it; to look back, also one that was deleted. A write means the one whose attempt
 * was given; without an attempt the one that this key and client hold, or brought to the status that is `wanted` (a
 * repeated call), if there is no other that they held last. A task that the caller does not hold is meant only where
 * there is no other project that it could mean; an attempt that proves nothing is left to the fence.
 * @throws TASK_NOT_FOUND, PROJECT_NOT_FOUND, AMBIGUOUS_TASK_ID naming the projects.
 */
export async function locateTask(
  { db, viewer }: Context,
  { projectId, taskId: given, attempt }: TaskAddress,
  use: "read" | "look back" | "write",
  wanted?: TaskStatus,
): Promise<TaskKey> {
  const taskId = given.toUpperCase();
  if (projectId != null) {
    requireVisible(viewer, projectId);
    return { projectId, taskId };
  }
  const visible = visibleProjects(viewer);
  const found = await db.read<Found>(use === "look back" ? FIND_ALL : FIND, [
    taskId,
    visible,
    viewer.actor,
    viewer.client,
    attempt == null ? null : numberOf(attempt),
  ]);
  const mine = found.filter((one) => (attempt == null ? one.opened === true : isGiven(one, attempt)));
  const held =
    mine.length === 1 ? mine.find(({ open, status }) => open || attempt != null || status === wanted) : undefined;
  const chosen = use === "write" ? held : undefined;
  if (chosen) return { projectId: chosen.project_id, taskId };
  const [first, another] = found;
  if (!first) throw taskNotFound(taskId);
  if (!another && (use !== "write" || attempt != null || (await isOnlyProject(db, visible))))
    return { projectId: first.project_id, taskId };
  throw ambiguousTaskId(
    taskId,
    found.map(({ project_id }) => project_id),
  );
}

/** Whether there are not two projects among these; null is every project. */
async function isOnlyProject(db: Context["db"], visible: readonly string[] | null): Promise<boolean> {
  const [found] = await db.read<{ only: boolean }>(ONLY_PROJECT, [visible]);
  return found?.only === true;
}

const isGiven = ({ attempt, secret }: Found, given: string): boolean =>
  attempt !== null && secret !== null && proves(given, { attempt, secret });

/** @throws PROJECT_NOT_FOUND when the project is not there, else TASK_NOT_FOUND. */
export async function refuseMissing({ db }: Context, { projectId, taskId }: TaskKey): Promise<never> {
  const [project] = await db.read("SELECT FROM projects WHERE project_id = $1", [projectId]);
  throw project ? taskNotFound(taskId, projectId) : projectNotFound(projectId);
}
