import type { Db } from "../../db/database.ts";

/** What a project has used; null: all projects together that have no row of their own. */
export interface UsageToday {
  readonly project: string | null;
  readonly input: number;
  readonly output: number;
  readonly cost: number;
}

/** Of this day, in UTC: all days would be read anew each time. */
const SUM = {
  name: "usage-today",
  text: `WITH used AS MATERIALIZED (
  SELECT p.project_id, u.* FROM projects p CROSS JOIN LATERAL (
    SELECT sum(input_tokens) AS input, sum(output_tokens) AS output, sum(cost_usd) AS cost FROM task_usage u
    WHERE u.project_id = p.project_id AND u.day = (docket_now() AT TIME ZONE 'UTC')::date) u
  WHERE u.cost IS NOT NULL
), largest AS MATERIALIZED (
  SELECT project_id FROM used ORDER BY cost DESC, input + output DESC, project_id LIMIT $1
)
SELECT l.project_id AS project, sum(u.input)::float8 AS input, sum(u.output)::float8 AS output, sum(u.cost)::float8 AS cost
FROM used u LEFT JOIN largest l USING (project_id) GROUP BY 1`,
};

/** What was used on this day, of the `most` projects that cost most one by one. */
export const usageToday = (db: Db, most: number) => db.read<UsageToday>(SUM, [most]);
