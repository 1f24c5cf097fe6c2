import type { BudgetState } from "../src/projects/budget.ts";
import { readSettings } from "../src/projects/settings.ts";
import { BudgetPeriod } from "./budget-input.ts";
import { builder } from "./builder.ts";
import { Project } from "./project.ts";
import { loadBudget } from "./project-load.ts";

const ProjectBudget = builder.objectRef<BudgetState>("ProjectBudget").implement({
  description: "What a project may spend in each period, and what of it is spent.",
  fields: (t) => ({
    costUsd: t.exposeFloat("costUsd", { description: "What may be spent, in US dollars." }),
    per: t.expose("per", { type: BudgetPeriod, description: "The period." }),
    spentUsd: t.exposeFloat("spentUsd", {
      description: "What was spent in the period that goes on, as the workers said, in US dollars.",
    }),
    periodEndsAt: t.expose("periodEndsAt", { type: "DateTime", description: "When the next one begins." }),
  }),
});

builder.prismaObjectFields(Project, (t) => ({
  leaseSeconds: t.int({
    description: "Seconds for which a claim holds when the caller does not say.",
    resolve: ({ settings }) => readSettings(settings).leaseSeconds,
  }),
  artifactTypes: t.stringList({
    description: "Artifact types that this project adds to the built-in ones.",
    resolve: ({ settings }) => readSettings(settings).artifactTypes,
  }),
  idJumpLimit: t.int({
    description: "How far above the highest number registerIds and addTasks may register an ID without allowJump.",
    resolve: ({ settings }) => readSettings(settings).idJumpLimit,
  }),
  maxInProgress: t.int({
    nullable: true,
    description: "How many of its tasks may be in progress at once; null: any number.",
    resolve: ({ settings }) => readSettings(settings).maxInProgress,
  }),
  maxInProgressPerWorker: t.int({
    nullable: true,
    description: "How many of its tasks one worker, by its name, may hold at once; null: any number.",
    resolve: ({ settings }) => readSettings(settings).maxInProgressPerWorker,
  }),
  budget: t.field({
    type: ProjectBudget,
    nullable: true,
    description: "What its work may cost; null: any amount.",
    resolve: async (project, _args, ctx) => (await loadBudget(ctx, project)) ?? null,
  }),
  maxAttempts: t.int({
    description: "After so many attempts that failed in a row a task is parked.",
    resolve: ({ settings }) => readSettings(settings).maxAttempts,
  }),
  retrySeconds: t.int({
    description:
      "Seconds for which a task waits after two attempts that failed in a row; doubled with each more, an hour at most.",
    resolve: ({ settings }) => readSettings(settings).retrySeconds,
  }),
  stalledAfterSeconds: t.int({
    description: "Seconds after which an attempt that is renewed, and shows nothing else, is stalled.",
    resolve: ({ settings }) => readSettings(settings).stalledAfterSeconds,
  }),
  raisePriorityBefore: t.string({
    nullable: true,
    description:
      "How long before it is due the priority of an open task is raised by one step, once for each due date, like P2D or 2 days; null: it is not.",
    resolve: ({ settings }) => readSettings(settings).raisePriorityBefore,
  }),
}));
