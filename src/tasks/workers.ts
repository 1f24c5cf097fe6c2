import type { Context } from "../access/viewer.ts";
import { requireProjects } from "../access/visibility.ts";
import { momentSql, requirePast } from "../db/moment.ts";
import { ordersOf } from "../db/order.ts";
import { cursorOf, pageQuery } from "../db/page.ts";
import { parameters } from "../db/parameters.ts";
import { amongShown } from "../projects/shown.ts";
import { failed } from "./failed.ts";
import type { TaskKey } from "./task.ts";

const orderOf = ordersOf(
  "workers",
  { sql: 'w.worker COLLATE "C"', type: "text" },
  {
    name: [],
    lastSeenAt: [{ sql: "w.seen", type: "timestamptz" }],
    held: [{ sql: 'w."heldCount"', type: "integer" }],
    completed: [{ sql: "w.completed", type: "integer" }],
    failed: [{ sql: "w.failed", type: "integer" }],
  },
);

export const BY_NAME = { field: "name", direction: "ASC" } as const;

export interface ListWorkers {
  readonly projects?: readonly string[] | null | undefined;
  readonly since: string;
  readonly orderBy?: Parameters<typeof orderOf>[0] | null | undefined;
  readonly first?: number | null | undefined;
  /** The cursor of the last worker seen. */
  readonly after?: string | null | undefined;
}

/** What all sessions did that work under one name. */
export interface Worker {
  /** What to go on after in the same order: its name, where that is what they are ordered by. */
  readonly cursor: string;
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

/** SQL for what is looked at of attempts. */
const LOOKED_AT = `a.worker, a.project_id, a.task_id, a.claimed_at, a.outcome, a.ended_at, ${SEEN} AS seen,
  a.ended_at IS NULL AND a.lease_expires_at > (SELECT docket_now()) AS held`;

/**
 * Who holds something now, or was seen, or whose attempts ended, since then: a page of them. Only attempts that are open,
 * or ended since then, are looked at; earlier ones where these tell no sign of life since.
 * @throws PROJECT_NOT_FOUND; BAD_USER_INPUT for a bad instant, one to come, a bad size or a foreign cursor.
 */
export async function listWorkers(ctx: Context, { projects, since, orderBy, ...page }: ListWorkers): Promise<Worker[]> {
  await requireProjects(ctx, projects ?? []);
  await requirePast(ctx.db, "since", since);
  const by = orderBy ?? BY_NAME;
  const order = orderOf(by);
  const byName = by.field === "name";
  const { values, bind } = parameters();
  const shown = amongShown("a.project_id", ctx.viewer, projects, bind);
  const after = byName && page.after != null ? cursorOf([page.after], order) : page.after;
  const { key, condition, sort, limit, toPage } = pageQuery({ ...page, after }, order, bind);
  const rows = await ctx.db.read<Omit<Worker, "cursor"> & { cursorKey: string[] }>(
    `WITH since AS MATERIALIZED (SELECT ${momentSql(since, bind, "since")} AS since
     ), recent AS (
       SELECT ${LOOKED_AT} FROM task_attempts a WHERE a.ended_at IS NULL AND a.worker IS NOT NULL AND ${shown}
       UNION ALL
       SELECT ${LOOKED_AT} FROM task_attempts a
       WHERE a.ended_at >= (SELECT since FROM since) AND a.worker IS NOT NULL AND ${shown}
     ), active AS MATERIALIZED (
       SELECT a.worker, count(*) FILTER (WHERE held)::int AS "heldCount",
         coalesce(to_jsonb((array_agg(jsonb_build_object('projectId', project_id, 'taskId', task_id)
           ORDER BY claimed_at DESC, project_id, task_id) FILTER (WHERE held))[1:${MOST_SHOWN}]), '[]') AS held,
         count(*) FILTER (WHERE outcome = 'completed')::int AS completed,
         count(*) FILTER (WHERE ${failed("a")})::int AS failed, max(seen) AS seen
       FROM recent a CROSS JOIN since GROUP BY a.worker
       HAVING bool_or(held OR seen >= since OR outcome = 'completed' OR ${failed("a")})
     ), earlier AS (
       SELECT a.worker, max(${SEEN}) AS seen FROM task_attempts a
       WHERE a.worker IN (SELECT worker FROM active CROSS JOIN since WHERE seen < since) AND ${shown} GROUP BY a.worker
     ), workers AS (
       SELECT worker, "heldCount", held, completed, failed, greatest(active.seen, earlier.seen) AS seen
       FROM active LEFT JOIN earlier USING (worker)
     )
     SELECT w.worker, w."heldCount", w.held, w.completed, w.failed, w.seen AS "lastSeenAt", ${key} AS "cursorKey"
     FROM workers w WHERE ${condition} ${sort} ${limit}`,
    values,
  );
  return toPage(rows).edges.map(({ cursor, node }) => ({ ...node, cursor: byName ? node.worker : cursor }));
}
