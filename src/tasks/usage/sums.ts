import type { Context } from "../../access/viewer.ts";
import { requireProjects } from "../../access/visibility.ts";
import type { Db } from "../../db/database.ts";
import { isLater, momentSql } from "../../db/moment.ts";
import { parameters } from "../../db/parameters.ts";
import { badInput } from "../../errors.ts";
import { amongShown } from "../../projects/shown.ts";
import { keyColumns } from "../keys.ts";
import type { AttemptKey } from "../task.ts";

/** What usage is summed up by, as SQL over `task_usage u`, each with the name of its field. */
const GROUPS = {
  project: { projectId: "u.project_id" },
  worker: { worker: "u.worker" },
  model: { model: "u.model" },
  day: { day: "to_char(u.day, 'YYYY-MM-DD')" },
  // An ID is one task's within its project only.
  task: { projectId: "u.project_id", taskId: "u.task_id" },
} as const;
export type UsageGrouping = keyof typeof GROUPS;

/** SQL: the sums of a group. What counts to 2^53, or has 15 digits, is exact as a number of JSON. */
const SUMS = `coalesce(sum(u.input_tokens), 0)::float8 AS "inputTokens", coalesce(sum(u.output_tokens), 0)::float8 AS "outputTokens",
  coalesce(sum(u.cost_usd), 0)::float8 AS "costUsd"`;

export interface Amounts {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: number;
}

/** What was used in all of what is alike; undefined: it was not summed up by that, null: nobody said. */
export interface UsageSum extends Amounts {
  readonly projectId?: string;
  readonly taskId?: string;
  readonly worker?: string | null;
  readonly model?: string | null;
  /** In UTC, like 2026-03-01. */
  readonly day?: string;
}

export interface UsageSums {
  readonly projects?: readonly string[] | null | undefined;
  readonly from: string;
  /** Default: all until now. */
  readonly to?: string | null | undefined;
  readonly by: readonly UsageGrouping[];
}

export const MOST_SUMS = 2_000;

/**
 * What was used on the days from that of `from` on which begin before `to`, summed up by these, in their order. That of
 * deleted and archived tasks counts: it was spent.
 * @throws PROJECT_NOT_FOUND; BAD_USER_INPUT for a bad instant, `from` after `to`, or more than `MOST_SUMS` groups.
 */
export async function usageSums(ctx: Context, { projects, from, to, by }: UsageSums): Promise<UsageSum[]> {
  await requireProjects(ctx, projects ?? []);
  if (to != null && (await isLater(ctx.db, from, to)))
    throw badInput(
      `from (${from}) is later than to (${to}), so that nothing lies between them. Begin earlier, with from: "-P7D" for example, or exchange the two.`,
    );
  const { values, bind } = parameters();
  const groups = [...new Map<string, string>(by.flatMap((group) => Object.entries(GROUPS[group])))];
  const names = groups.map(([name]) => `"${name}"`).join(", ");
  const inUtc = (moment: string) => `${moment} AT TIME ZONE 'UTC'`;
  const rows = await ctx.db.read<UsageSum>(
    // Not sorted by the rules of a language, which takes several times as long.
    `WITH summed AS MATERIALIZED (
       SELECT ${groups.map(([name, sql]) => `(${sql}) COLLATE "C" AS "${name}", `).join("")}${SUMS}
       FROM task_usage u WHERE ${amongShown("u.project_id", ctx.viewer, projects, bind)}
         AND u.day >= (${inUtc(momentSql(from, bind, "from"))})::date ${to == null ? "" : `AND u.day < ${inUtc(momentSql(to, bind))}`}
       ${names && `GROUP BY ${groups.map((_group, i) => i + 1).join(", ")}`}
     )
     SELECT * FROM summed ${names && `ORDER BY ${names}`} LIMIT ${MOST_SUMS + 1}`,
    values,
  );
  if (rows.length > MOST_SUMS)
    throw badInput(
      `These are more than ${MOST_SUMS} sums. Name fewer projects, ask for a shorter time, or sum up by less.`,
    );
  return rows;
}

const OF_ATTEMPTS = {
  name: "task-attempts-usage",
  text: `SELECT wanted.place::int, ${SUMS}
FROM unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY AS wanted (project_id, task_id, attempt, place)
  JOIN task_usage u USING (project_id, task_id, attempt) GROUP BY wanted.place`,
};

/** What each attempt used, in their order; null where nothing was said of it. */
export async function usageOfAttempts(db: Db, attempts: readonly AttemptKey[]): Promise<(Amounts | null)[]> {
  const rows = await db.read<Amounts & { place: number }>(OF_ATTEMPTS, [
    ...keyColumns(attempts),
    attempts.map(({ attempt }) => attempt),
  ]);
  const found = new Map(rows.map((row) => [row.place, row]));
  return attempts.map((_, i) => found.get(i + 1) ?? null);
}
