import type { Context } from "../access/viewer.ts";
import { requireProjects } from "../access/visibility.ts";
import { momentSql } from "../db/moment.ts";
import { pageSize } from "../db/page.ts";
import { parameters } from "../db/parameters.ts";
import { amongShown } from "../projects/shown.ts";
import { failed } from "./failed.ts";
import type { TaskKey } from "./task.ts";

export interface ListWorkers {
  readonly projects?: readonly string[] | null | undefined;
  readonly since: string;
  readonly first?: number | null | undefined;
  /** The name of the last worker seen. */
  readonly after?: string | null | undefined;
}

/** What all sessions did that work under one name. */
export interface Worker {
  readonly worker: string;
  readonly heldCount: number;
  /** The latest of what it holds, at most `MOST_SHOWN`. */
  readonly held: readonly TaskKey[];
  readonly completed: number;
  readonly failed: number;
  readonly lastSeenAt: Date;
}

/** Of the tasks that a worker holds: hardly one holds more than one. */
export const MOST_SHOWN = 10;

/** It was there to claim, to renew, and to end its own attempt; that others ended one is no sign of life. */
const SEEN = `greatest(a.claimed_at, a.last_renewed_at,
  CASE WHEN a.outcome IN ('completed', 'released') AND a.ended_by IS NULL THEN a.ended_at END)`;

/**
 * Who holds something now, or was seen, or whose attempts ended, since then: by name, a page of them.
 * @throws PROJECT_NOT_FOUND; BAD_USER_INPUT for a bad instant or size.
 */
export async function listWorkers(ctx: Context, { projects, since, first, after }: ListWorkers): Promise<Worker[]> {
  await requireProjects(ctx, projects ?? []);
  const { values, bind } = parameters();
  return ctx.db.read<Worker>(
    `WITH attempts AS (
       SELECT a.worker COLLATE "C" AS worker, a.project_id, a.task_id, a.claimed_at, a.outcome, a.ended_at IS NULL AND a.lease_expires_at > (SELECT docket_now()) AS held, ${SEEN} AS seen,
         a.ended_at >= since.since AS ended_since, since.since
       FROM task_attempts a, (SELECT ${momentSql(since, bind, "since")} AS since) since
       WHERE a.worker COLLATE "C" > ${bind(after ?? "")} AND ${amongShown("a.project_id", ctx.viewer, projects, bind)})
     SELECT a.worker, count(*) FILTER (WHERE held)::int AS "heldCount",
       coalesce(to_jsonb((array_agg(jsonb_build_object('projectId', project_id, 'taskId', task_id)
         ORDER BY claimed_at DESC, project_id, task_id) FILTER (WHERE held))[1:${MOST_SHOWN}]), '[]') AS held,
       count(*) FILTER (WHERE outcome = 'completed' AND ended_since)::int AS completed,
       count(*) FILTER (WHERE ${failed("a")} AND ended_since)::int AS failed, max(seen) AS "lastSeenAt"
     FROM attempts a GROUP BY a.worker
     HAVING bool_or(held OR seen >= since OR (outcome = 'completed' OR ${failed("a")}) AND ended_since)
     ORDER BY a.worker LIMIT ${bind(pageSize(first))}`,
    values,
  );
}
