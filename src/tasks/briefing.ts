import type { Attempt } from "../../prisma/generated/client/client.ts";
import type { Context } from "../access/viewer.ts";
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
  text: `SELECT project_id AS "projectId", task_id AS "taskId", attempt, worker, actor, client, claimed_at AS "claimedAt",
  lease_expires_at AS "leaseExpiresAt", ended_at AS "endedAt", outcome, checkpoint, notes
FROM task_attempts WHERE project_id = $1 AND task_id = $2 AND attempt < $3 ORDER BY attempt`,
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
