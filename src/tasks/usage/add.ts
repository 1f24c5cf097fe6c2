import type { Context } from "../../access/viewer.ts";
import { requireSaid } from "../../db/text-checks.ts";
import { badInput } from "../../errors.ts";
import type { AttemptKey, TaskKey } from "../task.ts";

/** What a worker says that it used since it last said so. */
export interface UsageGiven {
  readonly inputTokens?: number | null | undefined;
  readonly outputTokens?: number | null | undefined;
  readonly costUsd?: number | null | undefined;
  readonly model?: string | null | undefined;
}

/** What one call may say; more is a mistake in its units. */
export const MOST_USED = { inputTokens: 1_000_000_000, outputTokens: 1_000_000_000, costUsd: 1_000_000 } as const;
const AMOUNTS = ["inputTokens", "outputTokens", "costUsd"] as const satisfies (keyof typeof MOST_USED)[];
const LONGEST_MODEL = 100;

/** @throws BAD_USER_INPUT for what says nothing, or cannot be. */
export function requireUsage({ model, ...amounts }: UsageGiven): void {
  if (AMOUNTS.every((amount) => amounts[amount] == null))
    throw badInput("usage says nothing: give inputTokens, outputTokens or costUsd, or leave it out.");
  for (const amount of AMOUNTS) {
    const given = amounts[amount];
    if (given != null && !(given >= 0 && given <= MOST_USED[amount]))
      throw badInput(`usage.${amount} is ${given}; it must be from 0 to ${MOST_USED[amount]}.`);
  }
  if (model != null) requireSaid("usage.model", model, LONGEST_MODEL, "; leave it out.");
}

/** Whose usage it is. */
export interface Worked extends Pick<AttemptKey, "attempt"> {
  readonly worker: string | null;
}

const ADD = {
  name: "task-usage-add",
  text: `INSERT INTO task_usage AS u (project_id, task_id, attempt, worker, day, model, input_tokens, output_tokens, cost_usd)
VALUES ($1, $2, $3, $4, (docket_now() AT TIME ZONE 'UTC')::date, $5, $6, $7, $8)
ON CONFLICT (project_id, task_id, attempt, day, model) DO UPDATE SET input_tokens = u.input_tokens + excluded.input_tokens,
  output_tokens = u.output_tokens + excluded.output_tokens, cost_usd = u.cost_usd + excluded.cost_usd`,
};

/** Adds to what the attempt has used that holds the task, or held it; of one in progress without any, to that of none. */
export async function addUsage(
  { db }: Context,
  { projectId, taskId, open }: TaskKey & { readonly open: Worked | null },
  { inputTokens, outputTokens, costUsd, model }: UsageGiven,
): Promise<void> {
  await db.write(ADD, [
    projectId,
    taskId,
    open?.attempt ?? null,
    open?.worker ?? null,
    model ?? null,
    inputTokens ?? 0,
    outputTokens ?? 0,
    costUsd ?? 0,
  ]);
}
