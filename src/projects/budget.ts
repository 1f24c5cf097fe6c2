import type { Context } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import { badInput } from "../errors.ts";
import { type Changes, changesBetween } from "../log/write/changes.ts";

/** How long a budget lasts, in UTC. */
export const BUDGET_PERIODS = ["day", "month"] as const;
export type BudgetPeriod = (typeof BUDGET_PERIODS)[number];

/** What a project may spend in each period. */
export interface Budget {
  readonly costUsd: number;
  readonly per: BudgetPeriod;
}

export interface BudgetInput {
  /** null takes it away. */
  readonly budget?: Budget | null | undefined;
}

/** A cent; 0 would be a project that is paused. */
export const LEAST_BUDGET_USD = 0.01;
export const MOST_BUDGET_USD = 1_000_000_000;

/** The budget that is given, checked. @throws BAD_USER_INPUT */
function givenBudget({ budget }: BudgetInput): Budget | null | undefined {
  if (budget && !(budget.costUsd >= LEAST_BUDGET_USD && budget.costUsd <= MOST_BUDGET_USD))
    throw badInput(
      `budget.costUsd is ${budget.costUsd}; it must be from ${LEAST_BUDGET_USD} to ${MOST_BUDGET_USD}, or budget null for none. pauseProject stops all claims.`,
    );
  return budget;
}

/** As events tell it. */
export const budgetDocument = (budget: Budget | null | undefined) =>
  budget ? { costUsd: budget.costUsd, per: budget.per.toUpperCase() } : null;

const KEEP = {
  name: "project-budget-set",
  text: `INSERT INTO project_budgets AS b (project_id, cost_usd, per, ends_at, spent_usd)
SELECT $1::varchar, $2::numeric, $3::text, period.ends_at, coalesce((SELECT sum(u.cost_usd) FROM task_usage u
    WHERE u.project_id = $1::varchar AND u.day >= period.first AND u.day <= period.today), 0)
FROM (SELECT now.today, date_trunc($3::text, now.today::timestamp)::date AS first, period_end($3::text, now.today) AS ends_at
  FROM (SELECT (docket_now() AT TIME ZONE 'UTC')::date AS today) now) period
ON CONFLICT (project_id) DO UPDATE SET cost_usd = excluded.cost_usd, per = excluded.per, ends_at = excluded.ends_at,
  spent_usd = excluded.spent_usd, told_low = false`,
};

/**
 * Gives a project a budget, another one or none, of which all counts that was used in this period. Nothing is used
 * meanwhile: the caller holds the project still, and afterwards sends `tellBudget`.
 * @returns what changed. @throws BAD_USER_INPUT
 */
export async function setBudget(ctx: Context, projectId: string, input: BudgetInput): Promise<Changes> {
  const given = givenBudget(input);
  if (given === undefined) return {};
  const [before] = await ctx.db.read<Budget>(
    `SELECT cost_usd::float8 AS "costUsd", per FROM project_budgets WHERE project_id = $1`,
    [projectId],
  );
  const changes = await changesBetween(ctx, { budget: budgetDocument(before) }, { budget: budgetDocument(given) });
  if (Object.keys(changes).length > 0)
    await (given === null
      ? ctx.db.write("DELETE FROM project_budgets WHERE project_id = $1", [projectId])
      : ctx.db.write(KEEP, [projectId, given.costUsd, given.per]));
  return changes;
}

/** Ends or begins what follows from the budget that a project has now, and from the period in which it is; told by events. */
export async function tellBudget({ db }: Pick<Context, "db">, projectId: string): Promise<void> {
  await db.write(
    `SELECT CASE WHEN EXISTS (SELECT FROM project_budgets WHERE project_id = $1)
       THEN spend_budget($1, (docket_now() AT TIME ZONE 'UTC')::date, 0) ELSE tell_spent($1, NULL, '{}') END`,
    [projectId],
  );
}

/** A budget as it stands. */
export interface BudgetState extends Budget {
  /** In the period that goes on. */
  readonly spentUsd: number;
  readonly periodEndsAt: Date;
}

const FIND = {
  name: "projects-budgets",
  text: `SELECT b.project_id, b.cost_usd::float8 AS "costUsd", b.per,
  CASE WHEN b.ends_at > now.at THEN b.spent_usd ELSE 0 END::float8 AS "spentUsd",
  greatest(b.ends_at, period_end(b.per, (now.at AT TIME ZONE 'UTC')::date)) AS "periodEndsAt"
FROM project_budgets b CROSS JOIN (SELECT docket_now() AS at) now WHERE b.project_id = ANY ($1::text[])`,
};

/** The budget of each project, in their order; null where there is none. */
export async function findBudgets(db: Db, projectIds: readonly string[]): Promise<(BudgetState | null)[]> {
  const rows = await db.read<BudgetState & { project_id: string }>(FIND, [projectIds]);
  const found = new Map(rows.map((row) => [row.project_id, row]));
  return projectIds.map((projectId) => found.get(projectId) ?? null);
}

/** How much of its budget a project has spent. */
export interface SpentBudget {
  readonly project: string;
  readonly budget: number;
  readonly spent: number;
}

const LARGEST = {
  name: "projects-spent-most",
  text: `SELECT project_id AS project, cost_usd::float8 AS budget,
  CASE WHEN ends_at > docket_now() THEN spent_usd ELSE 0 END::float8 AS spent
FROM project_budgets ORDER BY 3 DESC, 1 LIMIT $1`,
};

/** The budgets of which most was spent in the period that goes on. */
export const spentBudgets = (db: Db, most: number) => db.read<SpentBudget>(LARGEST, [most]);
