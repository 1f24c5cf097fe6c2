import type { Context } from "../access/viewer.ts";
import { requireProjects } from "../access/visibility.ts";
import { momentSql } from "../db/moment.ts";
import { parameters } from "../db/parameters.ts";
import { badInput } from "../errors.ts";
import { amongShown } from "../projects/shown.ts";
import { failed } from "./failed.ts";

const seconds = (from: string, to: string) => `date_part('epoch', ${to} - ${from})`;

/** What counts, as numbers: the database sorts texts by the rules of a language, which takes twice as long. */
const WHAT = { created: 1, completed: 2, claimed: 3, failed: 4 } as const;

const ofWhat = (value: string, what: keyof typeof WHAT, name: string = what) =>
  `min(${value}) FILTER (WHERE what = ${WHAT[what]}) AS ${name}`;

/** Each of it with its moment, and how long it took until then. A task that was added as completed was never claimed. */
const HAPPENED = [
  [WHAT.created, "t.created_at", "NULL::float8"],
  [WHAT.completed, "t.completed_at", seconds("t.started_at", "t.completed_at")],
  [WHAT.claimed, "t.started_at", seconds("t.created_at", "t.started_at")],
]
  .map(
    ([what, at, took]) =>
      `SELECT place, ${what} AS what, ${at} AS at, ${took} AS took FROM shown JOIN tasks t USING (project_id) WHERE t.deleted_at IS NULL`,
  )
  .concat(
    `SELECT place, ${WHAT.failed}, a.ended_at, NULL FROM shown JOIN task_attempts a USING (project_id) WHERE ${failed("a")}`,
  )
  .join(" UNION ALL ");

/** Lengths of intervals, in seconds. They begin in UTC, where every day is as long, and weeks on Monday. */
const SECONDS = { hour: 3_600, day: 86_400, week: 604_800 } as const;
export type Interval = keyof typeof SECONDS;

export interface ProjectTrends {
  readonly projects?: readonly string[] | null | undefined;
  readonly from: string;
  /** Default: now. */
  readonly to?: string | null | undefined;
  readonly interval: Interval;
}

/** What happened in a project within one interval. Times are in seconds, null where there is nothing to measure. */
export interface ProjectTrend {
  readonly projectId: string;
  readonly start: Date;
  readonly created: number;
  readonly completed: number;
  readonly failed: number;
  readonly cycleSecondsMedian: number | null;
  readonly cycleSecondsP90: number | null;
  readonly waitSecondsMedian: number | null;
  readonly waitSecondsP90: number | null;
}

/** Projects times intervals. */
export const MOST_TRENDS = 2_000;

/**
 * Every interval of every project, by project and time, also those in which nothing happened. Deleted tasks do not
 * count; archived ones do, as what was achieved stays so. Attempts count whatever became of their task.
 * @throws PROJECT_NOT_FOUND; BAD_USER_INPUT for a bad instant, or more than `MOST_TRENDS` intervals.
 */
export async function projectTrends(ctx: Context, { projects, from, to, interval }: ProjectTrends) {
  await requireProjects(ctx, projects ?? []);
  const { values, bind } = parameters();
  const rows = await ctx.db.read<ProjectTrend>(
    `WITH span AS MATERIALIZED (
       SELECT date_trunc('${interval}', ${momentSql(from, bind, "from")}, 'UTC') AS first, ${momentSql(to ?? "PT0S", bind)} AS until
     ), shown AS MATERIALIZED (
       SELECT p.project_id, row_number() OVER (ORDER BY p.project_id)::int AS place
       FROM projects p WHERE ${amongShown("p.project_id", ctx.viewer, projects, bind)}
     ), measured AS (
       SELECT place, floor(${seconds("first", "at")} / ${SECONDS[interval]})::int AS nth, what, count(*)::int AS count,
         percentile_cont('{0.5, 0.9}'::float8[]) WITHIN GROUP (ORDER BY took) AS took
       FROM (${HAPPENED}) happened, span WHERE at >= first AND at < until GROUP BY place, nth, what
     ), joined AS (
       SELECT place, nth, ${ofWhat("count", "created")}, ${ofWhat("count", "completed")}, ${ofWhat("count", "failed")},
         ${ofWhat("took", "completed", "cycle")}, ${ofWhat("took", "claimed", "wait")}
       FROM measured GROUP BY place, nth
     )
     SELECT s.project_id AS "projectId", first + nth * make_interval(secs => ${SECONDS[interval]}) AS start,
       coalesce(created, 0) AS created, coalesce(completed, 0) AS completed, coalesce(failed, 0) AS failed,
       cycle[1] AS "cycleSecondsMedian", cycle[2] AS "cycleSecondsP90",
       wait[1] AS "waitSecondsMedian", wait[2] AS "waitSecondsP90"
     FROM span CROSS JOIN shown s CROSS JOIN
       generate_series(0, least(ceil(${seconds("first", "until")} / ${SECONDS[interval]})::bigint - 1, ${MOST_TRENDS})) AS nth
       LEFT JOIN joined USING (place, nth)
     ORDER BY place, nth LIMIT ${MOST_TRENDS + 1}`,
    values,
  );
  if (rows.length > MOST_TRENDS)
    throw badInput(
      `These are more than ${MOST_TRENDS} intervals of all projects together. Name fewer projects, ask for a shorter time, or by a longer interval.`,
    );
  return rows;
}
