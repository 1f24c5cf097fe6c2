import type { Context } from "../access/viewer.ts";
import type { JudgedTask } from "./hold.ts";
import { TAKEN, type Taken, takeParameters, takeStatement } from "./take.ts";

const TAKE_THIS = takeStatement(
  "task-take-this",
  `picked AS (
  SELECT ${TAKEN} FROM tasks t WHERE t.project_id = $1 AND t.task_id = $9 FOR NO KEY UPDATE
)`,
);

/** Takes one task that the caller may take. */
export async function takeTask(
  ctx: Context,
  { projectId, taskId }: JudgedTask,
  claim: { worker?: string | null | undefined; leaseSeconds?: number | null | undefined },
): Promise<Taken> {
  const [taken] = await ctx.db.write<Taken>(TAKE_THIS, [...takeParameters(projectId, ctx, claim, null), taskId]);
  if (!taken) throw new Error(`Task ${taskId} of ${projectId} vanished under its lock`);
  return taken;
}
