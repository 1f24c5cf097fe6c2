import { MOST_USED } from "../../src/tasks/usage/add.ts";
import {
  type Amounts,
  type UsageGrouping as Grouping,
  MOST_SUMS,
  type UsageSum,
  usageSums,
} from "../../src/tasks/usage/sums.ts";
import { builder, type FieldBuilder, type InputBuilder } from "../builder.ts";
import { choiceEnum } from "../choice.ts";
import { listSize } from "../cost.ts";
import { loadUsage } from "./load.ts";
import { Attempt } from "./task.ts";

const LAST_MONTH = "-P30D";

const UsageInput = builder.inputType("UsageInput", {
  description:
    "What a worker used since it last said so: amounts are added up, for each attempt, model and UTC day. At least one of them.",
  fields: (t) => ({
    inputTokens: t.int({ description: `0 to ${MOST_USED.inputTokens}.` }),
    outputTokens: t.int({ description: `0 to ${MOST_USED.outputTokens}.` }),
    costUsd: t.float({
      description: `In US dollars, 0 to ${MOST_USED.costUsd}; kept exactly, to 12 decimals. It counts against the project's budget.`,
    }),
    model: t.string({ description: "What was used, at most 100 characters." }),
  }),
});

/** `usage`, for verbs with which a worker keeps or ends its attempt. */
export const usageField = (t: InputBuilder, more: string) =>
  t.field({
    type: UsageInput,
    description: `What you used since you last said so. Nothing is added where the call is repeated with its idempotencyKey, or refused, unless that is because the attempt has ended: then it counts for that attempt, if the call has an idempotencyKey (extensions.usageCounted). ${more}`,
  });
/** For those that end it. */
export const ONCE = "Sent again once the attempt has ended so, the call adds nothing either.";

const UsageGrouping = choiceEnum<Grouping>("UsageGrouping", "What usage is summed up by.", {
  project: "The project.",
  worker: "The name of the worker whose attempt it was.",
  model: "The model, as the workers called it.",
  day: "The day on which it was said, in UTC.",
  task: "The task, with its project.",
});

const amounts = <Parent extends Amounts>(t: FieldBuilder<Parent>) => ({
  inputTokens: t.field({
    type: "SafeInt",
    description: "Tokens that were read.",
    resolve: ({ inputTokens }) => inputTokens,
  }),
  outputTokens: t.field({
    type: "SafeInt",
    description: "Tokens that were written.",
    resolve: ({ outputTokens }) => outputTokens,
  }),
  costUsd: t.float({ description: "In US dollars, exact to 15 digits.", resolve: ({ costUsd }) => costUsd }),
});

const Usage = builder.objectRef<UsageSum>("Usage").implement({
  description:
    "What was used, as the workers said, in all of what is alike. Fields that it was not summed up by are null.",
  fields: (t) => ({
    projectId: t.exposeID("projectId", { nullable: true, description: "The project." }),
    taskId: t.exposeID("taskId", { nullable: true, description: "The task, like TASK-046." }),
    worker: t.exposeString("worker", { nullable: true, description: "The worker's name; null also: it gave none." }),
    model: t.exposeString("model", { nullable: true, description: "The model; null also: none was named." }),
    day: t.exposeString("day", { nullable: true, description: "The day in UTC, like 2026-03-01." }),
    ...amounts(t),
  }),
});

builder.queryField("usage", (t) =>
  t.field({
    type: [Usage],
    nullable: true,
    description:
      "What was used, summed up: one entry for each group that has any, in the order of `by`; at most " +
      `${MOST_SUMS}, else BAD_USER_INPUT. That of deleted tasks counts, too. PROJECT_NOT_FOUND`,
    extensions: listSize(MOST_SUMS),
    args: {
      projects: t.arg.idList({ description: "Without it every project this key sees that is not archived." }),
      from: t.arg({
        type: "DateTimeOrDuration",
        defaultValue: LAST_MONTH,
        description: "From the UTC day on in which this lies, all of it. BAD_USER_INPUT if it is later than `to`.",
      }),
      to: t.arg({
        type: "DateTimeOrDuration",
        description: "Days in UTC that begin before this count; without it all until now.",
      }),
      by: t.arg({
        type: [UsageGrouping],
        defaultValue: ["project"],
        description: "Empty: all together.",
      }),
    },
    resolve: (_root, { from, by, ...args }, ctx) =>
      usageSums(ctx, { ...args, from: from ?? LAST_MONTH, by: by ?? ["project"] }),
  }),
);

const AttemptUsage = builder.objectRef<Amounts>("AttemptUsage").implement({
  description: "What an attempt used so far, as its worker said.",
  fields: amounts,
});

builder.prismaObjectField(Attempt, "usage", (t) =>
  t.field({
    type: AttemptUsage,
    nullable: true,
    description: "What it used so far; null: its worker said nothing of it.",
    resolve: async ({ projectId, taskId, number }, _args, ctx) =>
      (await loadUsage(ctx, { projectId, taskId, attempt: number })) ?? null,
  }),
);
