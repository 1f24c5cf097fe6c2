import { combinedByKey, rowOfEach } from "../db/combined-by-key.ts";
import type { Db } from "../db/database.ts";
import { forSkills, forWorker, IS_LIMITED, IS_STOPPED, MOST_CLAIMS, READY } from "./ready.ts";
import { type AskedTake, OF_STATUS, TAKEN, type Taken, type TakenRow, takeParameters, takeStatement } from "./take.ts";

/**
 * Takes those of the tasks $9 that are ready, for the claims in their order, which all have the skills $10. What another
 * transaction works on just now is left out, as two statements never wait for one task, and all where the project is
 * archived, stopped or has limits.
 */
export const TAKE_ASKED = takeStatement(
  "task-take-asked",
  `asking AS MATERIALIZED (
  SELECT DISTINCT ON (asked.task_id) asked.task_id AS asked_id, c.*
  FROM claims c JOIN unnest($9::text[]) WITH ORDINALITY AS asked (task_id, place) USING (place)
  WHERE (SELECT p.archived_at IS NULL AND NOT (${IS_STOPPED} OR ${IS_LIMITED}) FROM projects p WHERE p.project_id = $1)
  ORDER BY asked.task_id, c.place
), picked AS (
  SELECT ${TAKEN}, asking.* FROM asking JOIN tasks t ON t.project_id = $1 AND t.task_id = asking.asked_id
  WHERE t.status = 'pending' AND ${READY} AND ${forWorker("asking.worker")} AND ${forSkills("$10")}
  FOR NO KEY UPDATE OF t SKIP LOCKED
)`,
  OF_STATUS,
);

/** A claim of one task by its ID. */
export interface AskedTask extends AskedTake {
  readonly taskId: string;
  readonly skills: readonly string[];
}

const takeAskedParameters = (projectId: string, claims: readonly AskedTask[]) => [
  ...takeParameters(projectId, claims),
  claims.map(({ taskId }) => taskId),
  claims[0]?.skills ?? [],
];

const combined = combinedByKey<AskedTask, Taken | null>({
  largestBatch: MOST_CLAIMS,
  wrote: (taken) => taken !== null,
});

/**
 * Takes a task of a project, together with other claims that come while such a batch is under way.
 * @returns null where it is not simply ready, or the idempotency key has an answer already: then nothing was done.
 */
export function takeAskedTogether(db: Db, projectId: string, claim: AskedTask): Promise<Taken | null> {
  const inCommon = [projectId, ...[...claim.skills].sort()];
  return combined(db, claim, inCommon, async (take, options) => {
    const rows = await db.write<TakenRow>(TAKE_ASKED, () => takeAskedParameters(projectId, take()), options);
    return rowOfEach(take(), rows);
  });
}
