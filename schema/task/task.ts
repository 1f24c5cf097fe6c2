import { visibleWhere } from "../../src/access/visibility.ts";
import { DEFAULT_SIZE } from "../../src/db/page.ts";
import { isStorable } from "../../src/db/storable.ts";
import { ATTEMPT, TASK } from "../../src/tasks/fields.ts";
import { builder } from "../builder.ts";
import { shownFields } from "../noun.ts";
import { selectedBelow } from "../selection.ts";
import { loadAttempts, loadFailedAttempts, loadTask, longOf } from "./load.ts";

export const TaskStatus = builder.enumType("TaskStatus", {
  description: "Where a task stands: PENDING → IN_PROGRESS → COMPLETED; updateTaskStatus says what leads where.",
  values: {
    PENDING: { value: "pending", description: "Waits to be claimed." },
    IN_PROGRESS: { value: "in_progress", description: "Held by an attempt until its lease expires." },
    COMPLETED: { value: "completed", description: "Done; a reset opens it again." },
  } as const,
});

export const TaskKind = builder.enumType("TaskKind", {
  description: "What sort of work item this is.",
  values: {
    TASK: { value: "task", description: "A piece of work with a result." },
    PROJECT: { value: "project", description: "A larger undertaking, made of tasks." },
    SESSION: { value: "session", description: "One sitting of work, as a record." },
    RESEARCH: { value: "research", description: "A question to be answered." },
  } as const,
});

export const AttemptOutcome = builder.enumType("AttemptOutcome", {
  description: "Why an attempt ended.",
  values: {
    COMPLETED: { value: "completed", description: "Its worker completed the task." },
    RELEASED: { value: "released", description: "Given back by its worker." },
    EXPIRED: {
      value: "expired",
      description: "Its lease ended before it was renewed; the task went back to the queue.",
    },
    CANCELLED: { value: "cancelled", description: "The task was deleted." },
    RESET: { value: "reset", description: "The task was set back to pending by a reset." },
    SUPERSEDED: { value: "superseded", description: "Taken over under the same key and worker name." },
  } as const,
});

export const Attempt = builder.prismaNode("Attempt", {
  // node(id) answers null for unknown and foreign ones, and no error.
  nullable: true,
  id: { resolve: ({ projectId, taskId, number }) => `${projectId}/${taskId}/${number}` },
  findUnique: (id, { viewer }) => {
    const [projectId = "", taskId = "", given = ""] = isStorable(id) ? id.split("/") : [];
    // What is no number of an attempt is none's.
    const number = /^\d{1,9}$/.test(given) ? Number(given) : 0;
    return {
      projectId_taskId_number: { projectId, taskId, number },
      task: { deletedAt: null },
      AND: [visibleWhere(viewer)],
    };
  },
  description:
    "One holding of a task by one worker. Once ended, it is never current again. The number is for people: who writes needs the whole attempt, which only its holder was given.",
});
builder.objectFields(Attempt, (t) => shownFields(t, ATTEMPT, { outcome: AttemptOutcome }));

export const Task = builder.prismaNode("Task", {
  // node(id) answers null for unknown and foreign ones, and no error.
  nullable: true,
  description: "A unit of work. Its key is (projectId, taskId).",
  id: { resolve: ({ projectId, taskId }) => `${projectId}/${taskId}` },
  findUnique: (id, { viewer }) => {
    // What no row can hold is not found.
    const [projectId = "", taskId = ""] = isStorable(id) ? id.split("/") : [];
    return { projectId_taskId: { projectId, taskId }, deletedAt: null, AND: [visibleWhere(viewer)] };
  },
  fields: (t) => ({
    attempts: t.field({
      type: [Attempt],
      description: "Every holding of it, oldest first, in pages.",
      args: {
        first: t.arg.int({ defaultValue: DEFAULT_SIZE, description: "0 to 100." }),
        after: t.arg.int({ description: "The number of the last attempt seen; without it from the first." }),
      },
      resolve: async (task, args, ctx, info) =>
        (await loadAttempts(ctx, task, { ...args, long: selectedBelow(info, "Attempt", ATTEMPT.long) })) ?? [],
    }),
    failedAttempts: t.int({
      description: "How many of its attempts failed: their lease ran out. One that was given back did not fail.",
      resolve: async (task, _args, ctx) => (await loadFailedAttempts(ctx, task)) ?? 0,
    }),
  }),
});

builder.objectFields(Task, (t) => shownFields(t, TASK, { kind: TaskKind, status: TaskStatus }));

builder.prismaObjectField(Attempt, "task", (t) =>
  t.field({
    type: Task,
    nullable: true,
    description: "The task that it holds, or held; null when that was deleted.",
    resolve: async (attempt, _args, ctx, info) => {
      const task = await loadTask(ctx, attempt, { long: longOf(info) });
      return task?.deletedAt === null ? task : null;
    },
  }),
);

export const TaskConnection = builder.connectionObject({ name: "TaskConnection", type: Task }, { name: "TaskEdge" });
