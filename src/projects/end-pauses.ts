import { acting } from "../access/act-as.ts";
import type { Context } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import { tellBudget } from "./budget.ts";
import { resume } from "./pause.ts";

const DUE = {
  name: "pauses-due",
  text: `SELECT extract(epoch FROM least((SELECT min(paused_until) FROM projects), (SELECT min(budget_spent_until) FROM projects))
  - (SELECT docket_now()))::float8 * 1000 AS "dueInMs"`,
};

/** Milliseconds until the first pause, or period of a spent budget, is over; negative when one is, null when none ends by itself. */
export async function pausesDueInMs(db: Db): Promise<number | null> {
  const [due] = await db.read<{ dueInMs: number | null }>(DUE);
  return due?.dueInMs ?? null;
}

const OVER = {
  name: "pauses-over",
  text: `SELECT project_id AS "projectId" FROM projects WHERE paused_until <= (SELECT docket_now()) ORDER BY paused_until LIMIT 100`,
};

const RENEWED = {
  name: "budgets-renewed",
  text: `SELECT project_id AS "projectId" FROM projects WHERE budget_spent_until <= (SELECT docket_now()) ORDER BY budget_spent_until LIMIT 100`,
};

/**
 * Ends the pauses whose time is over, and those that spent budgets made, some at a time, each once, whoever does it;
 * `project.resumed` and `project.budget_available` tell those who wait for work. Claims need no word of it.
 * @returns whether there may be more.
 * @throws DATABASE_UNAVAILABLE
 */
export async function endPauses(ctx: Context): Promise<boolean> {
  const over = await ctx.db.read<{ projectId: string }>(OVER);
  for (const { projectId } of over)
    await acting(ctx, (inside) => resume(inside, projectId, "p.paused_until <= docket_now()"), { idempotent: true });
  const renewed = await ctx.db.read<{ projectId: string }>(RENEWED);
  for (const { projectId } of renewed)
    await acting(ctx, (inside) => tellBudget(inside, projectId), { idempotent: true });
  return over.length + renewed.length > 0;
}
