import { DEFAULT_SIZE } from "../src/db/page.ts";
import { BY_NAME, listWorkers, MOST_SHOWN, type Worker as WorkerShape } from "../src/tasks/workers.ts";
import { builder } from "./builder.ts";
import { listSize } from "./cost.ts";
import { orderInput } from "./order.ts";
import { loadTask, longOf } from "./task/load.ts";
import { Task } from "./task/task.ts";

const LAST_DAY = "-P1D";

const Worker = builder.objectRef<WorkerShape>("Worker").implement({
  description: "What all sessions do together that work under one name.",
  fields: (t) => ({
    cursor: t.exposeString("cursor", {
      description: "Pass it as `after`, in the same order, to go on behind it; ordered by NAME it is the name.",
    }),
    worker: t.exposeString("worker", { description: "The name that it gives with its claims." }),
    held: t.field({
      type: [Task],
      description: `The tasks that it holds now, latest claim first; at most ${MOST_SHOWN}.`,
      extensions: listSize(MOST_SHOWN),
      resolve: async ({ held }, _args, ctx, info) => {
        const long = longOf(info);
        const tasks = await Promise.all(held.map((key) => loadTask(ctx, key, { long })));
        return tasks.filter((task) => task != null);
      },
    }),
    heldCount: t.exposeInt("heldCount", { description: "How many tasks it holds now." }),
    completed: t.exposeInt("completed", { description: "Its attempts since then that completed their task." }),
    failed: t.exposeInt("failed", {
      description:
        "Its attempts since then that failed: their lease ran out, or they said so. Deleted tasks count, too.",
    }),
    lastSeenAt: t.expose("lastSeenAt", {
      type: "DateTime",
      description: "Its last sign of life: when it last claimed, renewed, completed or released something.",
    }),
  }),
});

const WorkerOrder = orderInput("Worker", {
  name: "Their names, character by character.",
  lastSeenAt: "Their last sign of life.",
  held: "How many tasks they hold now.",
  completed: "Their attempts since then that completed their task.",
  failed: "Their attempts since then that failed.",
});

builder.queryField("workers", (t) =>
  t.field({
    type: [Worker],
    nullable: true,
    description:
      "Who works: everyone who holds a task now, was seen, or whose attempts ended since then. PROJECT_NOT_FOUND, BAD_USER_INPUT",
    args: {
      projects: t.arg.idList({
        description: "What it does in these counts; without it in all this key sees that are not archived.",
      }),
      since: t.arg({
        type: "DateTimeOrDuration",
        defaultValue: LAST_DAY,
        description: "From when on its attempts count.",
      }),
      first: t.arg.int({ defaultValue: DEFAULT_SIZE, description: "At most 100." }),
      after: t.arg.string({ description: "The cursor of the last worker seen; without it from the first." }),
      orderBy: t.arg({ type: WorkerOrder, defaultValue: BY_NAME, description: "By name, unless told." }),
    },
    resolve: (_root, { since, ...args }, ctx) => listWorkers(ctx, { ...args, since: since ?? LAST_DAY }),
  }),
);
