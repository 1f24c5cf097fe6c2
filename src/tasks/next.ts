import type { Context } from "../access/viewer.ts";
import { requireProjects, requireVisible } from "../access/visibility.ts";
import { type AskedFor, wantedOf } from "./asked-for.ts";
import { type LongField, TASK, type Task } from "./fields.ts";
import { type Idle, whyIdle } from "./idle.ts";
import { areLimited } from "./limits.ts";
import { onLists } from "./on-lists.ts";
import { FIRST_READY, IS_LIMITED, IS_STOPPED } from "./ready.ts";
import { FIRST_AMONG } from "./ready-among.ts";
import { workerOf } from "./take.ts";
import type { TaskStatus } from "./task.ts";
import { isPlain, type Wanted, wantedValues } from "./wanted.ts";

/** Only the task that was picked is read whole. */
const NEXT_READY = TASK.statement(
  "task-next-ready",
  (columns) => `WITH ${FIRST_READY}
SELECT ${columns} FROM picked JOIN tasks t USING (project_id, task_id)
JOIN projects p ON p.project_id = t.project_id AND p.archived_at IS NULL AND NOT (${IS_STOPPED} OR ${IS_LIMITED})`,
);
const NEXT_AMONG = TASK.statement(
  "task-next-among",
  (columns) => `WITH ${FIRST_AMONG} SELECT ${columns} FROM picked JOIN tasks t USING (project_id, task_id)`,
);
const NEXT_WITH_STATUS = TASK.statement(
  "task-next-with-status",
  (columns) => `WITH picked AS (
  SELECT first.* FROM projects p CROSS JOIN LATERAL (
    SELECT t.project_id, t.task_id, t.priority, t.queue_position FROM tasks t
    WHERE t.project_id = p.project_id AND t.status = $2 AND ${onLists()}
    ORDER BY t.priority, t.queue_position LIMIT 1
  ) first WHERE p.project_id = ANY ($1::text[]) AND p.archived_at IS NULL
  ORDER BY first.priority, first.queue_position LIMIT 1
) SELECT ${columns} FROM picked JOIN tasks t USING (project_id, task_id)`,
);

export interface NextTask extends AskedFor {
  readonly status: TaskStatus;
  /** Who would claim. Default: the name of the key. */
  readonly worker?: string | null | undefined;
  readonly long?: readonly LongField[];
}

/**
 * Looks, and changes nothing: the task a claim would take, or the first with another status.
 * @throws PROJECT_NOT_FOUND, PROJECT_ARCHIVED, BAD_USER_INPUT
 */
export async function nextTask(
  ctx: Context,
  { status, long, ...asked }: NextTask,
): Promise<{ task: Task | null; idle: Idle | null }> {
  const wanted = wantedOf(asked);
  if (wanted.projects.length > 1) await requireProjects(ctx, wanted.projects);
  for (const projectId of wanted.projects) requireVisible(ctx.viewer, projectId);
  const worker = workerOf(ctx, asked);
  const task =
    status === "pending"
      ? await firstReady(ctx, wanted, worker, long)
      : (await ctx.db.read<Task>(NEXT_WITH_STATUS(long), [wanted.projects, status]))[0];
  if (task) return { task, idle: null };
  const idle = await whyIdle(ctx, wanted, worker);
  return {
    task: null,
    idle: status === "pending" ? idle : { ...idle, message: `No ${status.replace("_", " ")} tasks for project` },
  };
}

/** What a claim would take. */
async function firstReady({ db }: Context, wanted: Wanted, worker: string, long: NextTask["long"]) {
  if (isPlain(wanted)) {
    const [task] = await db.read<Task>(NEXT_READY(long), [wanted.projects[0], worker, wanted.skills]);
    if (task || !(await areLimited(db, wanted.projects))) return task;
  }
  const [task] = await db.read<Task>(NEXT_AMONG(long), [wanted.projects, worker, ...wantedValues(wanted)]);
  return task;
}
