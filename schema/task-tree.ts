import { sees } from "../src/access/visibility.ts";
import type { LongField } from "../src/tasks/fields.ts";
import { idOfTask } from "../src/tasks/find.ts";
import { ancestors, descendantCounts, MOST_BELOW, subtrees } from "../src/tasks/hierarchy/tree.ts";
import { countRelativesOf, type ListTasks, listRelativesOf, QUEUE } from "../src/tasks/list.ts";
import type { TaskKey } from "../src/tasks/task.ts";
import { builder } from "./builder.ts";
import { listSize } from "./cost.ts";
import { loader } from "./loader.ts";
import { TaskCount } from "./project.ts";
import { TaskOrder } from "./task/filter.ts";
import { listedOf, loadTask, longOf } from "./task/load.ts";
import { Task, TaskConnection } from "./task/task.ts";

interface What {
  readonly long: readonly LongField[];
}
const ofTask = { idOf: idOfTask, visible: sees };
const loadChildren = loader({
  ...ofTask,
  read: ({ db }, tasks: readonly TaskKey[], args: Omit<ListTasks, "filter">) =>
    listRelativesOf(db, "children", tasks, args),
});
const loadChildCount = loader({
  ...ofTask,
  read: ({ db }, tasks: readonly TaskKey[]) => countRelativesOf(db, "children", tasks),
});
const loadAncestors = loader({
  ...ofTask,
  read: ({ db }, tasks: readonly TaskKey[], { long }: What) => ancestors(db, tasks, long),
});
const loadSubtree = loader({
  ...ofTask,
  read: ({ db }, tasks: readonly TaskKey[], { long }: What) => subtrees(db, tasks, long),
});
const loadCounts = loader({ ...ofTask, read: ({ db }, tasks: readonly TaskKey[]) => descendantCounts(db, tasks) });

builder.prismaObjectField(Task, "depth", (t) =>
  t.int({ description: "How many tasks lie above it: 0 to 5.", resolve: ({ depth }) => depth }),
);

builder.prismaObjectField(Task, "parent", (t) =>
  t.field({
    type: Task,
    nullable: true,
    description: "The task that it is a part of; null if there is none, or it was deleted.",
    resolve: async ({ projectId, parentTaskId }, _args, ctx, info) => {
      const parent = parentTaskId && (await loadTask(ctx, { projectId, taskId: parentTaskId }, { long: longOf(info) }));
      return parent && parent.deletedAt === null ? parent : null;
    },
  }),
);

builder.prismaObjectField(Task, "children", (t) =>
  t.connection(
    {
      type: Task,
      description: "The tasks that are a part of it, in pages of at most 100 (default 50).",
      args: {
        orderBy: t.arg({ type: TaskOrder, defaultValue: QUEUE, description: "As claims take them, unless told." }),
      },
      resolve: async (task, args, ctx, info) => {
        const page = await loadChildren(ctx, task, { ...args, ...listedOf(info) });
        return page && { ...page, totalCount: async () => (await loadChildCount(ctx, task)) ?? 0 };
      },
    },
    TaskConnection,
  ),
);

builder.prismaObjectField(Task, "ancestors", (t) =>
  t.field({
    type: [Task],
    description: "The tasks above it, its parent first: five at most.",
    extensions: listSize(0),
    resolve: async (task, _args, ctx, info) => (await loadAncestors(ctx, task, { long: longOf(info) })) ?? [],
  }),
);

builder.prismaObjectField(Task, "subtree", (t) =>
  t.field({
    type: [Task],
    description: `It and all that lies below it, each task before its children, these as claims take them. QUERY_TOO_COMPLEX for more than ${MOST_BELOW} tasks in all the subtrees that are asked for together.`,
    // At most so many, of however many tasks.
    extensions: listSize(0),
    resolve: async (task, _args, ctx, info) => (await loadSubtree(ctx, task, { long: longOf(info) })) ?? [],
  }),
);

builder.prismaObjectField(Task, "descendantCounts", (t) =>
  t.field({
    type: [TaskCount],
    description: "All that lies below it by status; every status is named.",
    extensions: listSize(0),
    resolve: async (task, _args, ctx) => (await loadCounts(ctx, task)) ?? [],
  }),
);
