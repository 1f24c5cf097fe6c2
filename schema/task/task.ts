import { visibleWhere } from "../../src/access/visibility.ts";
import { DEFAULT_SIZE } from "../../src/db/page.ts";
import { isStorable } from "../../src/db/storable.ts";
import { type AttemptOrder, OLDEST_ATTEMPTS } from "../../src/tasks/attempts.ts";
import { ATTEMPT, TASK } from "../../src/tasks/fields.ts";
import type {
  CatchUp as CatchUpShape,
  TaskKind as Kind,
  AttemptOutcome as Outcome,
  ReminderStatus as Reminding,
  TaskStatus as Status,
} from "../../src/tasks/task.ts";
import { builder } from "../builder.ts";
import { choiceEnum } from "../choice.ts";
import { shownFields } from "../noun.ts";
import { orderInput } from "../order.ts";
import { selectedBelow } from "../selection.ts";
import { loadAttempts, loadFailedAttempts, loadTask, longOf } from "./load.ts";

export const TaskStatus = choiceEnum<Status>(
  "TaskStatus",
  "Where a task stands: PENDING → IN_PROGRESS → COMPLETED; updateTaskStatus says what leads where.",
  {
    pending: "Waits to be claimed.",
    in_progress: "Held by an attempt until its lease expires.",
    completed: "Done; a reset opens it again.",
  },
);

export const TaskKind = choiceEnum<Kind>("TaskKind", "What sort of work item this is.", {
  task: "A piece of work with a result.",
  project: "A larger undertaking, made of tasks.",
  session: "One sitting of work, as a record.",
  research: "A question to be answered.",
});

export const ReminderStatus = choiceEnum<Reminding>("ReminderStatus", "How a reminder stands.", {
  pending: "Its time has not come.",
  triggered: "Its time has come: task.reminder.triggered told so.",
  acknowledged: "It was triggered, and somebody has seen it.",
  cancelled: "The task was completed, deleted or archived before, or the reminder was taken away.",
});

export const CatchUp = choiceEnum<CatchUpShape>(
  "CatchUp",
  "What becomes of the dates of a recurring task that passed while no server made its instances.",
  {
    one: "One instance, for the latest of them.",
    all: "An instance for each, but for no more than the latest 100.",
    none: "None: it goes on with today's.",
  },
);

export const AttemptOutcome = choiceEnum<Outcome>("AttemptOutcome", "Why an attempt ended.", {
  completed: "Its worker completed the task.",
  released: "Given back by its worker.",
  failed: "Given up by its worker as failed.",
  expired: "Its lease ended before it was renewed; the task went back to the queue.",
  cancelled: "The task was deleted.",
  reset: "The task was set back to pending by a reset.",
  superseded: "Taken over under the same key and worker name.",
});

export const ReleaseOutcome = choiceEnum<"released" | "failed">(
  "ReleaseOutcome",
  "How an attempt ends that is given up.",
  {
    released: "Given back: somebody else can go on.",
    failed: "It did not work, whoever tries: the notes say why.",
  },
);

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

const AttemptOrderInput = orderInput<AttemptOrder["field"]>("Attempt", { number: "One after the other: 1, 2, 3 …" });

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
      description: "Every holding of it, in pages.",
      args: {
        orderBy: t.arg({
          type: AttemptOrderInput,
          defaultValue: OLDEST_ATTEMPTS,
          description: "Oldest first, unless told.",
        }),
        first: t.arg.int({ defaultValue: DEFAULT_SIZE, description: "0 to 100." }),
        after: t.arg.int({ description: "The number of the last attempt seen; without it from the first." }),
      },
      resolve: async (task, args, ctx, info) =>
        (await loadAttempts(ctx, task, { ...args, long: selectedBelow(info, "Attempt", ATTEMPT.long) })) ?? [],
    }),
    failedAttempts: t.int({
      description:
        "How many of its attempts failed: their lease ran out, or their worker said so. One that was given back did not fail.",
      resolve: async (task, _args, ctx) => (await loadFailedAttempts(ctx, task)) ?? 0,
    }),
  }),
});

builder.objectFields(Task, (t) =>
  shownFields(t, TASK, { kind: TaskKind, status: TaskStatus, reminderStatus: ReminderStatus, catchUp: CatchUp }),
);

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
