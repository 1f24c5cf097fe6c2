import { type Context, requireRole } from "../access/viewer.ts";
import { requireVisible } from "../access/visibility.ts";
import { type Answer, once } from "../db/idempotency.ts";
import { taskNotFound } from "../errors.ts";
import { append } from "../log/append.ts";
import { ensureProject } from "../projects/create.ts";
import { assignIds } from "./allocate.ts";
import { lockLane } from "./lane.ts";
import { requireBranch, requireTaskForm } from "./request.ts";

export interface NextId {
  readonly projectId: string;
  readonly artifactType: string;
  /** Where the artifact is made; a note for people. */
  readonly branch?: string | null | undefined;
  /** A task of the project, for which the artifact is made. */
  readonly taskId?: string | null | undefined;
  readonly createProject?: boolean | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

export interface Assigned {
  readonly id: string;
  /** The highest ID ever given before this call; null if there was none. */
  readonly lastAssigned: string | null;
}

/**
 * Gives one ID at once and for good: the lowest released one, else the next.
 * @throws PROJECT_NOT_FOUND, TASK_NOT_FOUND, ID_SPACE_EXHAUSTED, FORBIDDEN; BAD_USER_INPUT for an invalid type.
 */
export function nextId(ctx: Context, input: NextId): Promise<Answer<Assigned>> {
  return once(ctx, { operation: "nextId", input }, async (inside) => {
    const { projectId } = input;
    const branch = requireBranch(input.branch);
    const taskId = requireTaskForm(input.taskId, projectId);
    requireRole(inside.viewer, "agent");
    requireVisible(inside.viewer, projectId);
    await lockLane(inside.db);
    if (input.createProject) await ensureProject(inside, projectId);
    if (taskId !== null) await requireTask(inside, projectId, taskId);
    const { ids, lastAssigned } = await assignIds(inside, { ...input, count: 1, branch, taskId });
    const [id = ""] = ids;
    await append(inside, {
      type: "ids.assigned",
      projectId,
      subjectType: "artifact_id",
      subjectId: id,
      payload: { artifactType: input.artifactType.toUpperCase(), ids, branch, taskId },
    });
    return { id, lastAssigned };
  });
}

async function requireTask({ db }: Context, projectId: string, taskId: string): Promise<void> {
  const found = await db.read("SELECT FROM tasks WHERE project_id = $1 AND task_id = $2 AND deleted_at IS NULL", [
    projectId,
    taskId,
  ]);
  if (found.length === 0) throw taskNotFound(taskId, projectId);
}
