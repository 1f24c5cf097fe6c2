import type { Db } from "../db/database.ts";
import type { OrderBy } from "../db/order.ts";
import { type Direction, pageSize } from "../db/page.ts";
import { ATTEMPT, type Attempt } from "./fields.ts";
import { idOfTask } from "./find.ts";
import { keyColumns } from "./keys.ts";
import type { AttemptKey, TaskKey } from "./task.ts";

const attempts = (direction: Direction) =>
  ATTEMPT.statement(
    `task-attempts-${direction}`,
    (columns) => `SELECT a.* FROM unnest($1::text[], $2::text[]) AS wanted (project_id, task_id) CROSS JOIN LATERAL (
  SELECT ${columns} FROM task_attempts a
  WHERE a.project_id = wanted.project_id AND a.task_id = wanted.task_id
    AND a.attempt ${direction === "ASC" ? "> coalesce($3, 0)" : "< coalesce($3, 2147483647)"}
  ORDER BY a.attempt ${direction} LIMIT $4) a ORDER BY a.number ${direction}`,
  );
const ATTEMPTS = { ASC: attempts("ASC"), DESC: attempts("DESC") };

export type AttemptOrder = OrderBy<"number">;
export const OLDEST_ATTEMPTS: AttemptOrder = { field: "number", direction: "ASC" };

export interface AttemptsQuery {
  /** Default: oldest first. */
  readonly orderBy?: AttemptOrder | null | undefined;
  readonly first?: number | null | undefined;
  /** The number of the last attempt seen. */
  readonly after?: number | null | undefined;
  /** Default: all of them. */
  readonly long?: typeof ATTEMPT.long | undefined;
}

/**
 * Attempts of each task, in the order of the tasks.
 * @throws BAD_USER_INPUT for a size outside 0 … 100.
 */
export async function listAttempts(
  db: Db,
  tasks: readonly TaskKey[],
  { orderBy, first, after, long }: AttemptsQuery,
): Promise<Attempt[][]> {
  const rows = await db.read<Attempt>(ATTEMPTS[(orderBy ?? OLDEST_ATTEMPTS).direction](long), [
    ...keyColumns(tasks),
    after ?? null,
    pageSize(first),
  ]);
  const found = Map.groupBy(rows, idOfTask);
  return tasks.map((task) => found.get(idOfTask(task)) ?? []);
}

const WORKERS = {
  name: "task-attempt-workers",
  text: `SELECT a.worker FROM unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY AS wanted (project_id, task_id, attempt, place)
LEFT JOIN task_attempts a USING (project_id, task_id, attempt) ORDER BY wanted.place`,
};

/** The worker of each attempt, in their order; null where it gave no name or there is no such attempt. */
export async function attemptWorkers(db: Db, attempts: readonly AttemptKey[]): Promise<(string | null)[]> {
  const rows = await db.read<{ worker: string | null }>(WORKERS, [
    ...keyColumns(attempts),
    attempts.map(({ attempt }) => attempt),
  ]);
  return rows.map(({ worker }) => worker);
}
