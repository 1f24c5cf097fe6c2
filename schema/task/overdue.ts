import { sees } from "../../src/access/visibility.ts";
import { idOfTask } from "../../src/tasks/find.ts";
import { areOverdue } from "../../src/tasks/overdue.ts";
import type { TaskKey } from "../../src/tasks/task.ts";
import { builder } from "../builder.ts";
import { loader } from "../loader.ts";
import { Task } from "./task.ts";

const loadOverdue = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[]) => areOverdue(db, tasks),
});

builder.prismaObjectField(Task, "overdue", (t) =>
  t.boolean({
    description: "Whether it is open, and its due date has passed.",
    resolve: async (task, _args, ctx) => (await loadOverdue(ctx, task)) ?? false,
  }),
);
