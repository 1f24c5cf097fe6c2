import type { Db } from "../db/database.ts";
import { EXPIRES, forClaim, IS_LIMITED, IS_STOPPED, READY_ONES } from "./ready.ts";

/** SQL: how many tasks of `projects p` take up a place, `of_all` and `of_worker`. */
export const placesTaken = (worker: string) => `(
    SELECT count(*) AS of_all, count(*) FILTER (WHERE t.claimed_by = ${worker}) AS of_worker
    FROM tasks t WHERE t.project_id = p.project_id AND ${EXPIRES})`;

/** SQL of such `taken`: whether the project, or the worker, has no place left. */
export const PROJECT_AT_LIMIT = "coalesce(taken.of_all >= most_in_progress(p.settings), false)";
export const WORKER_AT_LIMIT = "coalesce(taken.of_worker >= most_per_worker(p.settings), false)";

const LIMITED = {
  name: "projects-limited",
  text: `SELECT p.project_id FROM projects p
WHERE p.project_id = ANY ($1::text[]) AND ${IS_LIMITED} AND p.archived_at IS NULL AND NOT ${IS_STOPPED} LIMIT 1`,
};

/** Whether claims in one of the projects, as far as it hands out work, take turns. */
export async function areLimited(db: Db, projectIds: readonly string[]): Promise<boolean> {
  return (await db.read(LIMITED, [projectIds])).length > 0;
}

const HOLD = { name: "projects-hold-places", text: "SELECT hold_places($1)" };

/** What the next statement of the transaction counts stays so until its end. */
export async function holdPlaces(db: Db, projectIds: readonly string[]): Promise<void> {
  await db.write(HOLD, [projectIds]);
}

/** How a project with limits stands. */
export interface Limits {
  /** So many of its tasks may be in progress, and are; null: not, or there is no limit. */
  readonly reached: number | null;
  /** The same of the worker's. */
  readonly reachedByWorker: number | null;
  /** Tasks that need no place, as they have one: an expired lease holds them. */
  readonly expired: number;
  /** When the first lease ends that holds a place which the claim could have. */
  readonly retryAt: Date | null;
}

const LIMITS = {
  name: "project-limits",
  text: `SELECT CASE WHEN ${PROJECT_AT_LIMIT} THEN most_in_progress(p.settings) END AS reached,
  CASE WHEN ${WORKER_AT_LIMIT} THEN most_per_worker(p.settings) END AS "reachedByWorker",
  count(t.task_id) FILTER (WHERE ${READY_ONES.expired} AND ${forClaim("$2::text", "$3")}
    AND (NOT ${WORKER_AT_LIMIT} OR t.claimed_by = $2))::int AS expired,
  min(t.lease_expires_at) FILTER (WHERE NOT ${WORKER_AT_LIMIT} OR t.claimed_by = $2) AS "retryAt"
FROM projects p CROSS JOIN LATERAL ${placesTaken("$2")} taken LEFT JOIN tasks t ON t.project_id = p.project_id AND ${EXPIRES}
WHERE p.project_id = $1 GROUP BY p.project_id, taken.of_all, taken.of_worker`,
};

/** How its limits stand for a worker with these skills. */
export async function limitsOf(
  db: Db,
  projectId: string,
  worker: string | null,
  skills: readonly string[],
): Promise<Limits | undefined> {
  const [limits] = await db.read<Limits>(LIMITS, [projectId, worker, skills]);
  return limits;
}
