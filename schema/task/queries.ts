import { isStorable } from "../../src/db/storable.ts";
import { projectNotFound, taskNotFound } from "../../src/errors.ts";
import type { Task as TaskShape } from "../../src/tasks/fields.ts";
import type { Idle as IdleShape } from "../../src/tasks/idle.ts";
import { listTasks, QUEUE } from "../../src/tasks/list.ts";
import { locateTask, refuseMissing } from "../../src/tasks/locate.ts";
import { nextTask } from "../../src/tasks/next.ts";
import { builder } from "../builder.ts";
import { listLoader } from "../list-loader.ts";
import { TaskFilterInput, TaskOrder } from "./filter.ts";
import { listedOf, loadTask, longOf } from "./load.ts";
import { holdingField, Idle } from "./payload.ts";
import { Task, TaskConnection, TaskKind, TaskStatus } from "./task.ts";

builder.queryField("task", (t) =>
  t.field({
    type: Task,
    nullable: true,
    description:
      "One task. projectId may be left out when exactly one visible project holds it. " +
      "TASK_NOT_FOUND, PROJECT_NOT_FOUND, AMBIGUOUS_TASK_ID",
    args: {
      projectId: t.arg.id({
        description: "The project's slug, like web-shop. AMBIGUOUS_TASK_ID says when it is needed.",
      }),
      taskId: t.arg.id({ required: true, description: "Like TASK-046." }),
      deleted: t.arg.boolean({ defaultValue: false, description: "true: also a deleted one." }),
    },
    resolve: async (_root, { deleted, ...args }, ctx, info) => {
      const { projectId, taskId } = args;
      if (projectId != null && !isStorable(projectId)) throw projectNotFound(projectId);
      if (!isStorable(taskId)) throw taskNotFound(taskId);
      const key = await locateTask(ctx, args, deleted ? "look back" : "read");
      const task = await loadTask(ctx, key, { long: longOf(info) });
      return task && (deleted || task.deletedAt === null) ? task : refuseMissing(ctx, key);
    },
  }),
);

const loadTasks = listLoader(listTasks);

builder.queryField("tasks", (t) =>
  t.connection(
    {
      type: Task,
      nullable: true,
      description:
        "Tasks of every project this key sees that is not archived, filtered, in pages of at most 100 (default 50). Those of an archived one are shown where the filter names it.",
      args: {
        filter: t.arg({ type: TaskFilterInput, description: "Which tasks." }),
        orderBy: t.arg({ type: TaskOrder, defaultValue: QUEUE, description: "As claims take them, unless told." }),
      },
      resolve: (_root, args, ctx, info) => loadTasks(ctx, { ...args, ...listedOf(info) }),
    },
    TaskConnection,
  ),
);

const NextTaskPayload = builder
  .objectRef<{ task: TaskShape | null; idle: IdleShape | null; worker: string | null | undefined }>("NextTaskPayload")
  .implement({
    description: "What a claim would take now, or why there is nothing.",
    fields: (t) => ({
      task: t.expose("task", {
        type: Task,
        nullable: true,
        description: "null when there is none to take; idle says why.",
      }),
      idle: t.expose("idle", {
        type: Idle,
        nullable: true,
        description: "Why there is nothing to take; null when there is something.",
      }),
      holding: holdingField(t, ({ worker }) => ({ worker, besides: null })),
    }),
  });

builder.queryField("nextTask", (t) =>
  t.field({
    type: NextTaskPayload,
    nullable: true,
    description:
      "Looks at the task that a claim would take now, and changes nothing. PROJECT_NOT_FOUND, PROJECT_ARCHIVED",
    args: {
      projectId: t.arg.id({ description: "The project's slug, like web-shop; or projects." }),
      projects: t.arg.idList({ description: "What a claim would name, as the others." }),
      status: t.arg({
        type: TaskStatus,
        defaultValue: "pending",
        description:
          "PENDING: what a claim would take, expired leases included. With another status: the first of those by priority and place in the queue.",
      }),
      worker: t.arg.string({ description: "The name you work under. Default: the key's name." }),
      skills: t.arg.stringList({ description: "What a claim would name." }),
      labels: t.arg.stringList({ description: "What a claim would name." }),
      kinds: t.arg({ type: [TaskKind], description: "What a claim would name." }),
      maxEstimate: t.arg.float({ description: "What a claim would name." }),
    },
    resolve: async (_root, { status, ...asked }, ctx, info) => ({
      ...(await nextTask(ctx, { ...asked, status: status ?? "pending", long: longOf(info) })),
      worker: asked.worker,
    }),
  }),
);
