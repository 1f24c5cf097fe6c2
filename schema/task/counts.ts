import {
  type TaskGroup as Group,
  type TaskGrouping as Grouping,
  MOST_GROUPS,
  taskCounts,
} from "../../src/tasks/counts.ts";
import { builder } from "../builder.ts";
import { choiceEnum } from "../choice.ts";
import { listSize } from "../cost.ts";
import { TaskFilterInput } from "./filter.ts";
import { TaskKind, TaskStatus } from "./task.ts";

const TaskGrouping = choiceEnum<Grouping>("TaskGrouping", "What tasks are counted by.", {
  status: "Their status.",
  project: "Their project.",
  label: "Their labels: a task counts once for each; those without any are a group too.",
  worker: "Who holds them or has completed them; those that wait, or were never claimed, are a group too.",
  kind: "Their kind.",
});

const TaskGroup = builder.objectRef<Group>("TaskGroup").implement({
  description: "How many tasks are alike in what they were counted by. Fields that they were not counted by are null.",
  fields: (t) => ({
    status: t.expose("status", { type: TaskStatus, nullable: true, description: "Their status." }),
    projectId: t.exposeID("project", { nullable: true, description: "Their project." }),
    kind: t.expose("kind", { type: TaskKind, nullable: true, description: "Their kind." }),
    label: t.exposeString("label", { nullable: true, description: "A label of each; null: they have none." }),
    worker: t.exposeString("worker", {
      nullable: true,
      description: "Who holds them, or has completed them; null: nobody.",
    }),
    count: t.exposeInt("count", { description: "How many they are." }),
  }),
});

builder.queryField("taskCounts", (t) =>
  t.field({
    type: [TaskGroup],
    nullable: true,
    description:
      "The tasks that Query.tasks would list, counted: one entry for each group that has any, in the order of `by`; at most " +
      `${MOST_GROUPS}, else BAD_USER_INPUT. PROJECT_NOT_FOUND`,
    extensions: listSize(MOST_GROUPS),
    args: {
      filter: t.arg({ type: TaskFilterInput, description: "Which tasks; without it all." }),
      by: t.arg({ type: [TaskGrouping], required: true, description: "Empty: all together." }),
    },
    resolve: (_root, { filter, by }, ctx) => taskCounts(ctx, filter, by),
  }),
);
