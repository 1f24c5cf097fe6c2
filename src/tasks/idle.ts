import type { Context } from "../access/viewer.ts";
import { pausedMessage, projectArchived, projectNotFound } from "../errors.ts";
import { IS_PAUSED, READY } from "./ready.ts";
import {
  ANYONE,
  OF_TASK,
  ofClaim,
  REASONS_OF_CLAIM,
  REASONS_OF_TASK,
  type ReadyReason,
  type ReasonOfClaim,
  type ReasonOfTask,
} from "./reasons.ts";

/** Why there is nothing to claim. */
export interface Idle {
  readonly message: string;
  /** Tasks that were ready, but locked by other claims at this moment. */
  readonly pending: number;
  /** Tasks in progress under a lease that has not expired. */
  readonly held: number;
  /** When the first of those leases ends, or a task's time comes: the earliest time at which asking again can help by itself. */
  readonly retryAt: Date | null;
  /** How many open tasks each reason keeps from being handed out; one of the project or the worker counts 1. */
  readonly reasons: readonly { readonly reason: ReadyReason; readonly count: number }[];
}

/** There is nothing, and there will not be. */
export const archivedIdle = (projectId: string): Idle => ({
  message: projectArchived(projectId).message,
  pending: 0,
  held: 0,
  retryAt: null,
  reasons: [{ reason: "project_archived", count: 1 }],
});

const OF_CLAIM = ofClaim("$2::text", "$3");
const TO_THIS_CLAIM = Object.values(OF_CLAIM)
  .map((condition) => `NOT (${condition})`)
  .join(" AND ");

/** Every reason is asked of every open task: one may have several. */
const WHY = {
  name: "task-idle",
  text: `SELECT p.archived_at IS NOT NULL AS "projectArchived",
  ${IS_PAUSED} AS paused, p.pause_reason AS "pauseReason", p.paused_until AS "pausedUntil",
  count(t.task_id) FILTER (WHERE ${READY} AND ${TO_THIS_CLAIM})::int AS pending,
  ${Object.entries({ ...OF_TASK, ...OF_CLAIM })
    .map(([reason, condition]) => `count(t.task_id) FILTER (WHERE ${condition})::int AS ${reason}`)
    .join(", ")},
  least(min(t.lease_expires_at) FILTER (WHERE ${OF_TASK.held} AND NOT ${OF_TASK.kind_not_asked} AND ${TO_THIS_CLAIM}),
    min(t.ready_at) FILTER (WHERE ${OF_TASK.waiting} AND t.unblocked AND ${TO_THIS_CLAIM})) AS "retryAt"
FROM projects p LEFT JOIN tasks t ON t.project_id = p.project_id AND t.status IN ('pending', 'in_progress')
  AND t.deleted_at IS NULL AND t.archived_at IS NULL
WHERE p.project_id = $1 GROUP BY p.project_id`,
};

type Why = Readonly<Record<ReasonOfTask | ReasonOfClaim, number>> & {
  readonly projectArchived: boolean;
  readonly paused: boolean;
  readonly pauseReason: string | null;
  readonly pausedUntil: Date | null;
  readonly pending: number;
  readonly retryAt: Date | null;
};

/** Why this worker with these skills gets nothing. @throws PROJECT_NOT_FOUND, PROJECT_ARCHIVED */
export async function whyIdle(
  { db }: Pick<Context, "db">,
  projectId: string,
  { worker, skills } = ANYONE,
): Promise<Idle> {
  const [found] = await db.read<Why>(WHY, [projectId, worker, skills]);
  if (!found) throw projectNotFound(projectId);
  if (found.projectArchived) throw projectArchived(projectId);
  const reasons = [...REASONS_OF_TASK, ...REASONS_OF_CLAIM].map((reason) => ({ reason, count: found[reason] }));
  const counted = (...more: Idle["reasons"]) => [...more, ...reasons].filter(({ count }) => count > 0);
  if (found.paused)
    return {
      pending: 0,
      held: found.held,
      retryAt: afterPause(found),
      reasons: counted({ reason: "project_paused", count: 1 }),
      message: pausedMessage(projectId, found.pauseReason, found.pausedUntil),
    };
  const { pending, held, retryAt } = found;
  return {
    pending,
    held,
    retryAt,
    reasons: counted({ reason: "locked", count: pending }),
    message:
      pending > 0
        ? `${pending} tasks are ready but just being claimed by others; ask again in a moment`
        : "No pending tasks for project",
  };
}

/** When a claim can take something in a paused project; null where nobody knows when it is resumed. */
function afterPause({ pausedUntil, pending, retryAt }: Why): Date | null {
  if (pausedUntil === null || pending > 0 || retryAt === null) return pausedUntil;
  return retryAt > pausedUntil ? retryAt : pausedUntil;
}
