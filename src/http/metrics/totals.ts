import type { Jobs } from "../../../schema/context.ts";
import type { Database } from "../../db/database.ts";
import { background } from "../../db/requester.ts";
import { onLists } from "../../tasks/on-lists.ts";
import { MATURED, PENDING, UNASKED } from "../../tasks/ready.ts";

/** Projects that have values of their own; all others are summed under OTHERS. */
const MOST_PROJECTS = 50;
/** No project can have this name. */
const OTHERS = "_other";
/** How old they may be when they are told, in milliseconds. */
const FRESH_MS = 15_000;
/** How long an answer waits for newer ones, in milliseconds: a scrape must not fail because the database does. */
const PATIENCE_MS = 2_000;

const TASKS = {
  name: "metrics-tasks",
  text: `WITH counted AS MATERIALIZED (
  SELECT project_id, status, count(*) AS tasks, count(parked_at) AS parked,
    min(greatest(created_at, ready_at)) FILTER (WHERE ((${PENDING}) OR (${MATURED})) AND ${UNASKED}) AS ready_since
  FROM tasks t WHERE ${onLists()} GROUP BY project_id, status
), largest AS MATERIALIZED (
  SELECT project_id FROM counted GROUP BY project_id ORDER BY sum(tasks) DESC, project_id LIMIT ${MOST_PROJECTS}
)
SELECT coalesce(l.project_id, '${OTHERS}') AS project, c.status, sum(c.tasks)::int AS tasks, sum(c.parked)::int AS parked,
  greatest(coalesce(extract(epoch FROM docket_now() - min(c.ready_since)), 0), 0)::float8 AS "queueSeconds"
FROM counted c LEFT JOIN largest l USING (project_id) GROUP BY 1, 2`,
};
const BUDGETS = {
  name: "metrics-budgets",
  text: `SELECT project_id AS project, cost_usd::float8 AS budget,
  CASE WHEN ends_at > docket_now() THEN spent_usd ELSE 0 END::float8 AS spent
FROM project_budgets ORDER BY 3 DESC, 1 LIMIT ${MOST_PROJECTS}`,
};
/** Of this day, in UTC: all days would be read anew each time. */
const USAGE = {
  name: "metrics-usage",
  text: `WITH used AS MATERIALIZED (
  SELECT p.project_id, u.* FROM projects p CROSS JOIN LATERAL (
    SELECT sum(input_tokens) AS input, sum(output_tokens) AS output, sum(cost_usd) AS cost FROM task_usage u
    WHERE u.project_id = p.project_id AND u.day = (docket_now() AT TIME ZONE 'UTC')::date) u
  WHERE u.cost IS NOT NULL
), largest AS MATERIALIZED (
  SELECT project_id FROM used ORDER BY cost DESC, input + output DESC, project_id LIMIT ${MOST_PROJECTS}
)
SELECT coalesce(l.project_id, '${OTHERS}') AS project, sum(u.input)::float8 AS input, sum(u.output)::float8 AS output,
  sum(u.cost)::float8 AS cost
FROM used u LEFT JOIN largest l USING (project_id) GROUP BY 1`,
};
const INBOX = {
  name: "metrics-inbox",
  text: `SELECT count(*)::int AS events,
  greatest(coalesce(extract(epoch FROM docket_now() - min(occurred_at)), 0), 0)::float8 AS seconds FROM event_inbox`,
};

/** What the database holds, as of some seconds ago. Every process tells the same. */
export interface Totals {
  readonly tasks: readonly { project: string; status: string; tasks: number; parked: number; queueSeconds: number }[];
  readonly usage: readonly { project: string; input: number; output: number; cost: number }[];
  readonly budgets: readonly { project: string; budget: number; spent: number }[];
  readonly inbox: { readonly events: number; readonly seconds: number };
  readonly jobs: readonly { readonly name: string; readonly lagSeconds: number | null }[];
}

/** Answers what the database holds; undefined where it has not answered for so long that nothing should be told. */
export function createTotals(database: Database, jobs: Jobs): () => Promise<Totals | undefined> {
  const asMetrics = background("metrics");
  let latest: { readonly totals: Totals; readonly at: number } | undefined;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    const tasks = await database.read<Totals["tasks"][number]>(TASKS);
    const budgets = await database.read<Totals["budgets"][number]>(BUDGETS);
    const usage = await database.read<Totals["usage"][number]>(USAGE);
    const [inbox = { events: 0, seconds: 0 }] = await database.read<Totals["inbox"]>(INBOX);
    latest = { totals: { tasks, budgets, usage, inbox, jobs: await jobs.state() }, at: performance.now() };
  }

  return async () => {
    if (!latest || performance.now() - latest.at > FRESH_MS) {
      reading ??= asMetrics(read)
        .catch(() => {
          // Nothing is told rather than what was once so.
          latest = undefined;
        })
        .finally(() => {
          reading = undefined;
        });
      await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS).unref())]);
    }
    return latest?.totals;
  };
}
