import { type Sight, sees } from "../../src/access/visibility.ts";
import { idOfTask } from "../../src/tasks/find.ts";
import { areReady, type Explanation, explainReady, MOST_NAMED } from "../../src/tasks/reasons.ts";
import type { TaskKey } from "../../src/tasks/task.ts";
import { builder } from "../builder.ts";
import { listSize } from "../cost.ts";
import { loader } from "../loader.ts";
import { loadTask, longOf } from "./load.ts";
import { ReadyReason } from "./payload.ts";
import { Task } from "./task.ts";

const loadReady = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[]) => areReady(db, tasks),
});

const loadExplanations = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[], sight: Sight) => explainReady(db, tasks, sight),
});

const ReadyExplanation = builder.objectRef<Explanation>("ReadyExplanation").implement({
  description: "One reason why a task is not handed out, and what to do about it.",
  fields: (t) => ({
    reason: t.expose("reason", { type: ReadyReason, description: "Why." }),
    message: t.exposeString("message", { description: "The reason in words, and what to do." }),
    until: t.expose("until", {
      type: "DateTime",
      nullable: true,
      description: "When it ends by itself, where it does.",
    }),
    task: t.field({
      type: Task,
      nullable: true,
      description: "What it waits for, of BLOCKED and HAS_OPEN_CHILDREN; null for a task that this key does not see.",
      resolve: ({ task }, _args, ctx, info) => task && loadTask(ctx, task, { long: longOf(info) }),
    }),
  }),
});

builder.prismaObjectField(Task, "ready", (t) =>
  t.boolean({
    description:
      "Whether a claim of the next task could take it now, by its skills and worker; explainReady says why not.",
    resolve: async (task, _args, ctx) => (await loadReady(ctx, task)) ?? false,
  }),
);

builder.prismaObjectField(Task, "explainReady", (t) =>
  t.field({
    type: [ReadyExplanation],
    description: `All that keeps a claim of the next task from taking it, each with what to do; at most ${MOST_NAMED} of what it waits for. SKILLS_MISSING and ASSIGNED say which claims take it. Empty for one that any claim could take, or completed.`,
    extensions: listSize(0),
    resolve: async (task, _args, ctx) =>
      (await loadExplanations(ctx, task, { projectIds: ctx.viewer.projectIds })) ?? [],
  }),
);
