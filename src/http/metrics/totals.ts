import type { Jobs } from "../../../schema/context.ts";
import type { Database } from "../../db/database.ts";
import { background } from "../../db/requester.ts";
import { type WaitingEvents, waitingEvents } from "../../log/read/waiting.ts";
import { type SpentBudget, spentBudgets } from "../../projects/budget.ts";
import { type TaskTotal, taskTotals } from "../../tasks/totals.ts";
import { type UsageToday, usageToday } from "../../tasks/usage/today.ts";

/** Projects that have values of their own; all others are summed under OTHERS. */
const MOST_PROJECTS = 50;
/** No project can have this name. */
const OTHERS = "_other";
/** How old they may be when they are told, in milliseconds. */
const FRESH_MS = 15_000;
/** How long an answer waits for newer ones, in milliseconds: a scrape must not fail because the database does. */
const PATIENCE_MS = 2_000;

type Named<Total> = Total & { readonly project: string };

const named = <Total extends { readonly project: string | null }>(totals: readonly Total[]): Named<Total>[] =>
  totals.map((total) => ({ ...total, project: total.project ?? OTHERS }));

/** What the database holds, as of some seconds ago. Every process tells the same. */
export interface Totals {
  readonly tasks: readonly Named<TaskTotal>[];
  readonly usage: readonly Named<UsageToday>[];
  readonly budgets: readonly SpentBudget[];
  readonly inbox: WaitingEvents;
  readonly jobs: readonly { readonly name: string; readonly lagSeconds: number | null }[];
}

/** Answers what the database holds; undefined where it has not answered for so long that nothing should be told. */
export function createTotals(database: Database, jobs: Jobs): () => Promise<Totals | undefined> {
  const asMetrics = background("metrics");
  let latest: { readonly totals: Totals; readonly at: number } | undefined;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    // One after another: a scrape needs one connection.
    const totals: Totals = {
      tasks: named(await taskTotals(database, MOST_PROJECTS)),
      usage: named(await usageToday(database, MOST_PROJECTS)),
      budgets: await spentBudgets(database, MOST_PROJECTS),
      inbox: await waitingEvents(database),
      jobs: await jobs.state(),
    };
    latest = { totals, at: performance.now() };
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
