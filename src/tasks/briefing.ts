import type { Context } from "../access/viewer.ts";
import { ATTEMPT, type Attempt } from "./fields.ts";
import type { TaskKey } from "./task.ts";

/** What the next worker of a task should know. */
export interface Briefing {
  /** Earlier attempts, the latest of them that fit, oldest first. */
  readonly attempts: Attempt[];
  /** The newest that was left. */
  readonly checkpoint: unknown;
  readonly branchName: string | null;
}

/** Attempts that a briefing tells of; `Task.attempts` has them all. */
export const LONGEST_BRIEFING = 50;
/**
 * And bytes of their texts, the latest attempt's aside: the claim is made by the time it is told of, so its answer must
 * be one that can be given.
 */
export const BRIEFING_BYTES = 2 * 1024 * 1024;

const EARLIER = {
  name: "task-briefing",
  text: `SELECT ${ATTEMPT.select()} FROM (
  SELECT a.*, row_number() OVER latest AS place,
    sum(octet_length(coalesce(a.notes, '')) + octet_length(coalesce(a.checkpoint::text, ''))) OVER latest AS bytes
  FROM (
    SELECT * FROM task_attempts a WHERE a.project_id = $1 AND a.task_id = $2 AND a.attempt < $3
    ORDER BY a.attempt DESC LIMIT ${LONGEST_BRIEFING}) a
  WINDOW latest AS (ORDER BY a.attempt DESC)) a
WHERE a.place = 1 OR a.bytes <= ${BRIEFING_BYTES} ORDER BY a.attempt`,
};

const LEFT = {
  name: "task-briefing-left",
  text: `SELECT t.branch_name AS "branchName", (
  SELECT a.checkpoint FROM task_attempts a
  WHERE a.project_id = t.project_id AND a.task_id = t.task_id AND a.attempt < $3 AND a.checkpoint IS NOT NULL
  ORDER BY a.attempt DESC LIMIT 1) AS checkpoint
FROM tasks t WHERE t.project_id = $1 AND t.task_id = $2`,
};

export async function briefing({ db }: Context, { projectId, taskId }: TaskKey, attempt: number): Promise<Briefing> {
  const attempts = await db.read<Attempt>(EARLIER, [projectId, taskId, attempt]);
  const [left] = await db.read<Omit<Briefing, "attempts">>(LEFT, [projectId, taskId, attempt]);
  return { branchName: null, checkpoint: null, ...left, attempts };
}
