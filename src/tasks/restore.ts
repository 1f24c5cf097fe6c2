import { verb } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { requireVisible } from "../access/visibility.ts";
import { badInput, idTaken, versionConflict } from "../errors.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { changeStatement, subject } from "./change.ts";
import { refuseMissing } from "./locate.ts";
import { lockSettling } from "./lock-settling.ts";
import type { TaskKey } from "./task.ts";

export interface RestoreTask extends TaskKey {
  /** With all that lies below it. */
  readonly cascade?: boolean | null | undefined;
  readonly expectedVersion?: number | null | undefined;
}

interface PutAway extends TaskKey {
  readonly version: number;
  readonly artifactId: string | null;
  readonly away: boolean;
  readonly parentId: string | null;
  readonly parentAway: boolean | null;
}

const AWAY = (t: string) => `(${t}.deleted_at IS NOT NULL OR ${t}.archived_at IS NOT NULL)`;

const LOCK = {
  name: "task-lock-put-away",
  text: `SELECT t.project_id AS "projectId", t.task_id AS "taskId", t.version, t.artifact_id AS "artifactId", ${AWAY("t")} AS away,
  t.parent_task_id AS "parentId", (SELECT ${AWAY("p")} FROM tasks p
    WHERE p.project_id = t.project_id AND p.task_id = t.parent_task_id) AS "parentAway"
FROM tasks t WHERE t.project_id = $1 AND t.task_id = $2 FOR NO KEY UPDATE OF t`,
};

/** What lies below, from the top down: a parent is back before its children. */
const BELOW = {
  name: "tasks-put-away-below",
  text: `WITH RECURSIVE below (task_id) AS (
  SELECT $2::varchar
  UNION SELECT c.task_id FROM below b JOIN tasks c ON c.project_id = $1 AND c.parent_task_id = b.task_id
)
SELECT t.project_id AS "projectId", t.task_id AS "taskId", t.artifact_id AS "artifactId" FROM tasks t
WHERE t.project_id = $1 AND t.task_id IN (SELECT task_id FROM below) AND t.task_id <> $2 AND ${AWAY("t")}
ORDER BY t.depth, t.task_id`,
};

const ARTIFACT = {
  name: "task-of-artifact",
  text: "SELECT task_id AS id FROM tasks WHERE project_id = $1 AND artifact_id = $2 AND deleted_at IS NULL AND task_id <> $3",
};

const RESTORED = changeStatement("task-restore", "deleted_at = NULL, archived_at = NULL");

/**
 * Brings a task back that was deleted or archived, as it was, with its history; one that is there stays as it is. What waited
 * for it, and was not begun, waits again if it is open.
 * @throws TASK_NOT_FOUND, PROJECT_NOT_FOUND, VERSION_CONFLICT; BAD_USER_INPUT while its parent is away; ID_TAKEN when another task makes its
 *   artifact now.
 */
export const restoreTask = verb(
  {
    name: "restoreTask",
    role: "agent",
    effect: "changes",
    scope: "project",
    idempotent: true,
    on: lockPutAway,
  },
  async (ctx, { cascade, expectedVersion }: RestoreTask, task): Promise<TaskKey> => {
    const { projectId, taskId, version } = task;
    if (expectedVersion != null && expectedVersion !== version) throw versionConflict(expectedVersion, version);
    await restoreLocked(ctx, task);
    if (cascade)
      for (const below of await ctx.db.read<PutAway>(BELOW, [projectId, taskId])) {
        await lockSettling(ctx.db, below);
        await restore(ctx, below);
      }
    return { projectId, taskId };
  },
);

/** Brings one task back. @returns what that changed. @throws as restoreTask */
export const bringBack = async (ctx: Context, key: TaskKey): Promise<Changes> =>
  restoreLocked(ctx, await lockPutAway(ctx, key));

async function restoreLocked(ctx: Context, task: PutAway): Promise<Changes> {
  const { taskId, away, parentAway, parentId } = task;
  if (parentAway)
    throw badInput(`The parent of ${taskId}, ${parentId}, is deleted or archived itself. Restore that first.`);
  return away ? await restore(ctx, task) : {};
}

async function lockPutAway(ctx: Context, { projectId, taskId: given }: RestoreTask): Promise<PutAway> {
  requireVisible(ctx.viewer, projectId);
  const key = { projectId, taskId: given.toUpperCase() };
  await lockSettling(ctx.db, key);
  const [task] = await ctx.db.write<PutAway>(LOCK, [key.projectId, key.taskId]);
  return task ?? refuseMissing(ctx, key);
}

async function restore(ctx: Context, task: Pick<PutAway, "projectId" | "taskId" | "artifactId">): Promise<Changes> {
  const { projectId, taskId, artifactId } = task;
  const [other] =
    artifactId === null ? [] : await ctx.db.read<{ id: string }>(ARTIFACT, [projectId, artifactId, taskId]);
  if (artifactId !== null && other)
    throw idTaken(artifactId, `${taskId} cannot be restored: ${other.id} makes its artifact ${artifactId} now.`);
  const [changed] = await ctx.db.write<{ changes: Changes }>(RESTORED, [projectId, taskId]);
  const changes = changed?.changes ?? {};
  await append(ctx, { type: "task.restored", ...subject(task), payload: { changes } });
  return changes;
}
