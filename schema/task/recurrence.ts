import { sees } from "../../src/access/visibility.ts";
import { DEFAULT_SIZE, LARGEST_SIZE } from "../../src/db/page.ts";
import { idOfTask } from "../../src/tasks/find.ts";
import { countRelativesOf, type ListTasks, listRelativesOf } from "../../src/tasks/list.ts";
import { pauseRecurrence, resumeRecurrence } from "../../src/tasks/recurrence/pause.ts";
import { skipOccurrence } from "../../src/tasks/recurrence/skip.ts";
import { type UpcomingOccurrence as Upcoming, upcomingOccurrences } from "../../src/tasks/recurrence/upcoming.ts";
import type { TaskKey } from "../../src/tasks/task.ts";
import { builder, type InputBuilder } from "../builder.ts";
import { loader } from "../loader.ts";
import { mutation } from "../mutation.ts";
import { VERSION } from "./address.ts";
import { TaskOrder } from "./filter.ts";
import { listedOf, loadTask, longOf } from "./load.ts";
import { taskOf } from "./payload.ts";
import { Task, TaskConnection } from "./task.ts";

const ofTask = { idOf: idOfTask, visible: sees };
const loadInstances = loader({
  ...ofTask,
  read: ({ db }, tasks: readonly TaskKey[], args: Omit<ListTasks, "filter">) =>
    listRelativesOf(db, "instances", tasks, args),
});
const loadInstanceCount = loader({
  ...ofTask,
  read: ({ db }, tasks: readonly TaskKey[]) => countRelativesOf(db, "instances", tasks),
});

builder.prismaObjectField(Task, "template", (t) =>
  t.field({
    type: Task,
    nullable: true,
    description: "The recurring task of which it is an instance; null if there is none, or it was deleted.",
    resolve: async ({ projectId, parentRecurringTaskId: taskId }, _args, ctx, info) => {
      const template = taskId && (await loadTask(ctx, { projectId, taskId }, { long: longOf(info) }));
      return template && template.deletedAt === null ? template : null;
    },
  }),
);

builder.prismaObjectField(Task, "instances", (t) =>
  t.connection(
    {
      type: Task,
      description:
        "What was made of a recurring task, one for each of its dates, in pages of at most 100 (default 50).",
      args: {
        orderBy: t.arg({
          type: TaskOrder,
          defaultValue: { field: "createdAt", direction: "DESC" },
          description: "The newest first, unless told.",
        }),
      },
      resolve: async (task, args, ctx, info) => {
        const page = await loadInstances(ctx, task, { ...args, ...listedOf(info) });
        return page && { ...page, totalCount: async () => (await loadInstanceCount(ctx, task)) ?? 0 };
      },
    },
    TaskConnection,
  ),
);

const UpcomingOccurrence = builder.objectRef<Upcoming>("UpcomingOccurrence").implement({
  description: "A date on which a task recurs.",
  fields: (t) => ({
    date: t.expose("date", { type: "Date", description: "In the task's recurrenceTimeZone." }),
    dueDate: t.expose("dueDate", { type: "DateTime", description: "When it is due on that date." }),
    task: t.field({
      type: Task,
      nullable: true,
      description: "Its instance, where that was made already: at most one is made ahead.",
      resolve: async ({ instance }, _args, ctx, info) =>
        instance && ((await loadTask(ctx, instance, { long: longOf(info) })) ?? null),
    }),
  }),
});

builder.queryField("upcomingOccurrences", (t) =>
  t.field({
    type: [UpcomingOccurrence],
    nullable: true,
    description:
      "The next dates of a recurring task that are due from now on, without those that are skipped. While it is paused those alone that have an instance. TASK_NOT_FOUND, PROJECT_NOT_FOUND; BAD_USER_INPUT for a task that does not recur",
    args: {
      projectId: t.arg.id({ required: true, description: "The project's slug, like web-shop." }),
      taskId: t.arg.id({ required: true, description: "Of the template, like TASK-050." }),
      first: t.arg.int({ defaultValue: DEFAULT_SIZE, description: `How many at most: 0 to ${LARGEST_SIZE}.` }),
      after: t.arg({ type: "Date", description: "The last date seen: those that follow it." }),
    },
    resolve: (_root, args, ctx) => upcomingOccurrences(ctx, args),
  }),
);

const recurring = (t: InputBuilder) => ({
  projectId: t.id({ required: true, description: "Of the template." }),
  taskId: t.id({ required: true, description: "The template, like TASK-050." }),
  expectedVersion: t.int({ description: VERSION }),
});

mutation(pauseRecurrence, {
  description:
    "Stops making instances of a recurring task, until resumeRecurrence; those that are there stay. TASK_NOT_FOUND, VERSION_CONFLICT, BAD_USER_INPUT for a task that does not recur",
  input: recurring,
  payload: (t) => ({ task: taskOf(t) }),
});

mutation(resumeRecurrence, {
  description:
    "Goes on making instances of a recurring task, of what is due from now on. TASK_NOT_FOUND, VERSION_CONFLICT, BAD_USER_INPUT for a task that does not recur",
  input: recurring,
  payload: (t) => ({ task: taskOf(t) }),
});

mutation(skipOccurrence, {
  description:
    "Leaves out one date of a recurring task, for which there is no instance yet. TASK_NOT_FOUND, VERSION_CONFLICT; BAD_USER_INPUT for a date on which it does not recur, or that is over, and naming the instance that it has",
  input: (t) => ({
    ...recurring(t),
    date: t.field({ type: "Date", required: true, description: "In the task's recurrenceTimeZone, like 2026-12-09." }),
  }),
  payload: (t) => ({ task: taskOf(t) }),
});
