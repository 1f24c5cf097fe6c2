import type { Context } from "../access/viewer.ts";
import { TAKEN, type Taken, takeParameters, takeStatement } from "./take.ts";
import type { TaskKey } from "./task.ts";

const TAKE_THIS = takeStatement(
  "task-take-this",
  `picked AS (
  SELECT ${TAKEN} FROM tasks t WHERE t.project_id = $1 AND t.task_id = $9 FOR NO KEY UPDATE
)`,
);

/** Takes one task that this transaction has locked and found free. */
export async function takeTask(
  ctx: Context,
  { projectId, taskId }: TaskKey,
  claim: { worker?: string | null | undefined; leaseSeconds?: number | null | undefined },
): Promise<Taken> {
  const [taken] = await ctx.db.write<Taken>(TAKE_THIS, [...takeParameters(projectId, ctx, claim, null), taskId]);
  if (!taken) throw new Error(`Task ${taskId} of ${projectId} vanished under its lock`);
  return taken;
}
