import type { Context } from "../access/viewer.ts";
import { requireProjects } from "../access/visibility.ts";
import { isLater, momentSql, NOW, requirePast } from "../db/moment.ts";
import { parameters } from "../db/parameters.ts";
import { badInput } from "../errors.ts";
import { amongShown } from "../projects/shown.ts";
import { failed } from "./failed.ts";

const seconds = (from: string, to: string) => `date_part('epoch', ${to} - ${from})`;

/** What is counted: when it happened to a task, and how long that took. One that was added as completed was never claimed. */
const HAPPENED = {
  created: ["created_at", null],
  completed: ["completed_at", seconds("started_at", "completed_at")],
  claimed: ["started_at", seconds("created_at", "started_at")],
  failed: ["ended_at", null],
} as const;

/** SQL for how often it happened in each interval of a project, as a part of the statement. */
function counted(what: keyof typeof HAPPENED, length: number) {
  const [at, took] = HAPPENED[what];
  return `${what} AS (
       SELECT place, floor(${seconds("first", at)} / ${length})::int AS nth, count(*)::int AS count
         ${took === null ? "" : `, percentile_cont('{0.5, 0.9}'::float8[]) WITHIN GROUP (ORDER BY ${took}) AS took`}
       FROM span CROSS JOIN ${what === "failed" ? "failures" : "work"} WHERE ${at} >= first AND ${at} < until GROUP BY 1, 2
     )`;
}

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
 * Every interval of every project, by project and time, also those in which nothing happened; that of `from` always. Deleted tasks do not
 * count, and neither do attempts at them, as nobody finds them any more; archived ones do, as what was achieved stays so.
 * @throws PROJECT_NOT_FOUND; BAD_USER_INPUT for a bad instant, `from` after `to` or yet to come, or more than `MOST_TRENDS` intervals.
 */
export async function projectTrends(ctx: Context, { projects, from, to, interval }: ProjectTrends) {
  await requireProjects(ctx, projects ?? []);
  if (await isLater(ctx.db, from, to ?? NOW))
    throw badInput(
      `from (${from}) is later than to (${to ?? "now"}), so that nothing lies between them. Begin earlier, with from: "-P7D" for example, or exchange the two.`,
    );
  // Without `to` that has been judged.
  if (to != null) await requirePast(ctx.db, "from", from);
  const { values, bind } = parameters();
  const length = SECONDS[interval];
  const rows = await ctx.db.read<ProjectTrend>(
    `WITH span AS MATERIALIZED (
       SELECT date_trunc('${interval}', ${momentSql(from, bind, "from")}, 'UTC') AS first, ${momentSql(to ?? NOW, bind)} AS until
     ), shown AS MATERIALIZED (
       -- Sorted by numbers: the rules of a language for texts would take twice as long.
       SELECT p.project_id, row_number() OVER (ORDER BY p.project_id)::int AS place
       FROM projects p WHERE ${amongShown("p.project_id", ctx.viewer, projects, bind)}
     ), work AS MATERIALIZED (
       SELECT place, t.created_at, t.started_at, t.completed_at FROM span CROSS JOIN shown JOIN tasks t USING (project_id)
       WHERE t.deleted_at IS NULL AND NOT t.is_template AND greatest(t.created_at, t.started_at, t.completed_at) >= first
     ), failures AS (
       SELECT place, a.ended_at FROM shown JOIN task_attempts a USING (project_id) JOIN tasks t USING (project_id, task_id)
       WHERE ${failed("a")} AND t.deleted_at IS NULL
     ), ${counted("created", length)}, ${counted("completed", length)}, ${counted("claimed", length)}, ${counted("failed", length)}
     SELECT s.project_id AS "projectId", first + nth * make_interval(secs => ${length}) AS start,
       coalesce(created.count, 0) AS created, coalesce(completed.count, 0) AS completed, coalesce(failed.count, 0) AS failed,
       completed.took[1] AS "cycleSecondsMedian", completed.took[2] AS "cycleSecondsP90",
       claimed.took[1] AS "waitSecondsMedian", claimed.took[2] AS "waitSecondsP90"
     FROM span CROSS JOIN shown s CROSS JOIN
       generate_series(0, greatest(0, least(ceil(${seconds("first", "until")} / ${length})::bigint - 1, ${MOST_TRENDS}))) AS nth
       LEFT JOIN created USING (place, nth) LEFT JOIN completed USING (place, nth)
       LEFT JOIN claimed USING (place, nth) LEFT JOIN failed USING (place, nth)
     ORDER BY place, nth LIMIT ${MOST_TRENDS + 1}`,
    values,
  );
  if (rows.length > MOST_TRENDS)
    throw badInput(
      `These are more than ${MOST_TRENDS} intervals of all projects together. Name fewer projects, ask for a shorter time, or by a longer interval.`,
    );
  return rows;
}
