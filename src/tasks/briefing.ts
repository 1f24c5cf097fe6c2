import type { Context } from "../access/viewer.ts";
import { ATTEMPT_COLUMNS, type Attempt } from "./attempts.ts";
import type { TaskKey } from "./locate.ts";

/** What the next worker of a task should know. */
export interface Briefing {
  /** Earlier attempts, oldest first. */
  readonly attempts: Attempt[];
  /** The newest that was left. */
  readonly checkpoint: unknown;
  readonly branchName: string | null;
}

const EARLIER = {
  name: "task-briefing",
  text: `SELECT ${ATTEMPT_COLUMNS} FROM task_attempts a
WHERE a.project_id = $1 AND a.task_id = $2 AND a.attempt < $3 ORDER BY a.attempt`,
};

export async function briefing({ db }: Context, { projectId, taskId }: TaskKey, attempt: number): Promise<Briefing> {
  const attempts = await db.read<Attempt>(EARLIER, [projectId, taskId, attempt]);
  const [task] = await db.read<{ branch_name: string | null }>(
    "SELECT branch_name FROM tasks WHERE project_id = $1 AND task_id = $2",
    [projectId, taskId],
  );
  return {
    attempts,
    checkpoint: attempts.findLast(({ checkpoint }) => checkpoint !== null)?.checkpoint ?? null,
    branchName: task?.branch_name ?? null,
  };
}
