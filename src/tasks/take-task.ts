import type { Context } from "../access/viewer.ts";
import type { JudgedTask } from "./hold.ts";
import { TAKEN, type Taken, type TakenRow, takeParameters, takeStatement, workerOf } from "./take.ts";

const TAKE_THIS = takeStatement(
  "task-take-this",
  `picked AS (
  SELECT ${TAKEN}, claims.* FROM tasks t CROSS JOIN claims WHERE t.project_id = $1 AND t.task_id = $9
  FOR NO KEY UPDATE OF t
)`,
);

/** Takes one task that the caller may take. */
export async function takeTask(
  ctx: Context,
  { projectId, taskId }: JudgedTask,
  claim: { worker?: string | null | undefined; leaseSeconds?: number | null | undefined },
): Promise<Taken> {
  const asked = { worker: workerOf(ctx, claim), leaseSeconds: claim.leaseSeconds ?? null, by: ctx, kept: null };
  const [taken] = await ctx.db.write<TakenRow>(TAKE_THIS, [...takeParameters(projectId, [asked]), taskId]);
  if (!taken) throw new Error(`Task ${taskId} of ${projectId} vanished under its lock`);
  return taken;
}
