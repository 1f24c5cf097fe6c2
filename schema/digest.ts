import {
  type DigestedTask as DigestedTaskShape,
  digest,
  MOST_DIGESTED,
  MOST_EVENTS_OF_DIGEST,
  MOST_TOLD_OF,
  type WorkerDigest as WorkerDigestShape,
} from "../src/tasks/digest.ts";
import { builder, type FieldBuilder } from "./builder.ts";
import { listSize } from "./cost.ts";

const LAST_DAY = "-P1D";

const DigestedTask = builder.objectRef<DigestedTaskShape>("DigestedTask").implement({
  description: "A task that something was done to.",
  fields: (t) => ({
    projectId: t.exposeID("projectId", { description: "The project that it belongs to." }),
    taskId: t.exposeID("taskId", { description: "Like TASK-046; unique within the project." }),
    title: t.exposeString("title", { description: "Its title, or the first 200 characters of its description." }),
  }),
});

const tasks = (
  t: FieldBuilder<WorkerDigestShape>,
  what: string,
  of: (found: WorkerDigestShape) => readonly DigestedTaskShape[],
) =>
  t.field({
    type: [DigestedTask],
    description: `${what}, the latest first: at most ${MOST_TOLD_OF}. Deleted ones are among them.`,
    extensions: listSize(MOST_TOLD_OF),
    resolve: of,
  });

const WorkerDigest = builder.objectRef<WorkerDigestShape>("WorkerDigest").implement({
  description: "What one worker did within a time, by the log: all sessions that go by its name.",
  fields: (t) => ({
    worker: t.exposeString("worker", {
      description: "The name it claims by; what was done without any claim stands under the name of the key.",
    }),
    completed: tasks(t, "Tasks that it completed", ({ completed }) => completed),
    completedCount: t.exposeInt("completedCount", { description: "How many tasks it completed." }),
    failed: tasks(t, "Tasks at which it failed: its lease ran out, or it said so", ({ failed }) => failed),
    failedCount: t.exposeInt("failedCount", { description: "At how many tasks it failed." }),
    added: tasks(t, "Tasks that it added", ({ added }) => added),
    addedCount: t.exposeInt("addedCount", { description: "How many tasks it added." }),
    claims: t.exposeInt("claims", { description: "How often it claimed a task." }),
    releases: t.exposeInt("releases", { description: "How often it gave a task back without having failed." }),
    checkpoints: t.exposeInt("checkpoints", { description: "How many checkpoints it left." }),
    lastAt: t.expose("lastAt", { type: "DateTime", description: "When it did the last of that." }),
  }),
});

builder.queryField("digest", (t) =>
  t.field({
    type: [WorkerDigest],
    nullable: true,
    description: `Who did what since then, by the log: each worker, by name. BAD_USER_INPUT for more than ${MOST_DIGESTED} workers, or ${MOST_EVENTS_OF_DIGEST.toLocaleString("en")} events that tell of work. PROJECT_NOT_FOUND`,
    extensions: listSize(MOST_DIGESTED),
    args: {
      projects: t.arg.idList({ description: "Without it every project this key sees that is not archived." }),
      since: t.arg({ type: "DateTimeOrDuration", defaultValue: LAST_DAY, description: "What happened then or later." }),
    },
    resolve: (_root, { projects, since }, ctx) => digest(ctx, { projects, since: since ?? LAST_DAY }),
  }),
);
