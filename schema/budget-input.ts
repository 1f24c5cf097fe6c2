import { LEAST_BUDGET_USD, MOST_BUDGET_USD, type BudgetPeriod as Period } from "../src/projects/budget.ts";
import { builder, type InputBuilder } from "./builder.ts";
import { choiceEnum } from "./choice.ts";

export const BudgetPeriod = choiceEnum<Period>("BudgetPeriod", "How long a budget lasts, in UTC.", {
  day: "From midnight to midnight.",
  month: "A calendar month.",
});

const BudgetInput = builder.inputType("BudgetInput", {
  description: "What a project may spend in each period.",
  fields: (t) => ({
    costUsd: t.float({
      required: true,
      description: `In US dollars, ${LEAST_BUDGET_USD} to ${MOST_BUDGET_USD}.`,
    }),
    per: t.field({ type: BudgetPeriod, required: true, description: "The period." }),
  }),
});

export const budgetField = (t: InputBuilder, more: string) =>
  t.field({
    type: BudgetInput,
    description: `What its work may cost, as the workers say with usage. At 80 % the event project.budget_low tells, at 100 % claims answer BUDGET_SPENT until the period ends. ${more}`,
  });
