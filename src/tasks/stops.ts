import type { Budget } from "../projects/budget.ts";
import { pausedMessage, spentMessage } from "../projects/not-ready.ts";
import { IS_PAUSED, IS_SPENT } from "./ready.ts";

/** SQL of `projects p`: what `stopsOf` is made of, where WITH_BUDGET stands among the tables. */
export const STOPS = `${IS_PAUSED} AS paused, p.pause_reason AS "pauseReason", p.paused_until AS "pausedUntil",
  ${IS_SPENT} AS spent, p.budget_spent_until AS "spentUntil",
  CASE WHEN ${IS_SPENT} THEN jsonb_build_object('costUsd', trim_scale(b.cost_usd), 'per', b.per) END AS budget`;
export const WITH_BUDGET = "LEFT JOIN project_budgets b ON b.project_id = p.project_id";

export interface Stoppable {
  readonly projectId: string;
  readonly paused: boolean;
  readonly pauseReason: string | null;
  readonly pausedUntil: Date | null;
  readonly spent: boolean;
  readonly spentUntil: Date | null;
  readonly budget: Budget | null;
}

/** What lets a whole project hand out nothing. */
export interface Stop {
  readonly reason: "project_paused" | "budget_spent";
  readonly message: string;
  /** When it ends by itself. */
  readonly until: Date | null;
}

export function stopsOf({ projectId, ...found }: Stoppable): Stop[] {
  const { pausedUntil, spentUntil } = found;
  const stops: Stop[] = [];
  if (found.paused)
    stops.push({
      reason: "project_paused",
      message: pausedMessage(projectId, found.pauseReason, pausedUntil),
      until: pausedUntil,
    });
  if (found.spent)
    stops.push({
      reason: "budget_spent",
      message: spentMessage(projectId, found.budget, spentUntil),
      until: spentUntil,
    });
  return stops;
}
