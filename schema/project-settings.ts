import { readSettings } from "../src/projects/settings.ts";
import { builder } from "./builder.ts";
import { Project } from "./project.ts";

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
  maxAttempts: t.int({
    description: "After so many attempts that failed in a row a task is parked.",
    resolve: ({ settings }) => readSettings(settings).maxAttempts,
  }),
  retrySeconds: t.int({
    description:
      "Seconds for which a task waits after two attempts that failed in a row; doubled with each more, an hour at most.",
    resolve: ({ settings }) => readSettings(settings).retrySeconds,
  }),
}));
