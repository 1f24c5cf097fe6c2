import type { Db } from "../db/database.ts";
import { ATTEMPT, type Attempt } from "./fields.ts";
import { keyColumns } from "./keys.ts";
import type { AttemptKey } from "./task.ts";

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

const WANTED =
  "unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY AS wanted (project_id, task_id, attempt, place)";
const EARLIER_THAN_WANTED =
  "a.project_id = wanted.project_id AND a.task_id = wanted.task_id AND a.attempt < wanted.attempt";

const EARLIER = {
  name: "task-briefings",
  text: `SELECT wanted.place::int, ${ATTEMPT.select()} FROM ${WANTED} CROSS JOIN LATERAL (
  SELECT a.*, row_number() OVER latest AS later,
    sum(octet_length(coalesce(a.notes, '')) + octet_length(coalesce(a.checkpoint::text, ''))) OVER latest AS bytes
  FROM (
    SELECT * FROM task_attempts a WHERE ${EARLIER_THAN_WANTED}
    ORDER BY a.attempt DESC LIMIT ${LONGEST_BRIEFING}) a
  WINDOW latest AS (ORDER BY a.attempt DESC)) a
WHERE a.later = 1 OR a.bytes <= ${BRIEFING_BYTES} ORDER BY wanted.place, a.attempt`,
};

const LEFT = {
  name: "task-briefings-left",
  text: `SELECT t.branch_name AS "branchName", (
  SELECT a.checkpoint FROM task_attempts a WHERE ${EARLIER_THAN_WANTED} AND a.checkpoint IS NOT NULL
  ORDER BY a.attempt DESC LIMIT 1) AS checkpoint
FROM ${WANTED} LEFT JOIN tasks t USING (project_id, task_id) ORDER BY wanted.place`,
};

/** What the workers of these attempts should know, in their order. */
export async function briefings(db: Db, given: readonly AttemptKey[]): Promise<Briefing[]> {
  const wanted = [...keyColumns(given), given.map(({ attempt }) => attempt)];
  const attempts = await db.read<Attempt & { place: number }>(EARLIER, wanted);
  const left = await db.read<Omit<Briefing, "attempts">>(LEFT, wanted);
  const earlier = Map.groupBy(attempts, ({ place }) => place - 1);
  return given.map((_key, i) => ({
    branchName: null,
    checkpoint: null,
    ...left[i],
    attempts: earlier.get(i) ?? [],
  }));
}
