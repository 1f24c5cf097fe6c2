import type { TaskFilter } from "../../src/tasks/filter.ts";
import { builder } from "../builder.ts";
import { DateFilterInput, IntFilterInput, StringFilterInput } from "../filters.ts";
import { TaskKind, TaskStatus } from "./task.ts";

const TaskStatusFilter = builder.inputType("TaskStatusFilter", {
  fields: (t) => ({ eq: t.field({ type: TaskStatus }), in: t.field({ type: [TaskStatus] }) }),
});

const TaskKindFilter = builder.inputType("TaskKindFilter", {
  fields: (t) => ({ eq: t.field({ type: TaskKind }), in: t.field({ type: [TaskKind] }) }),
});

const LabelFilter = builder.inputType("LabelFilter", {
  fields: (t) => ({
    contains: t.string({ description: "Has this label." }),
    in: t.stringList({ description: "Has any of these labels." }),
  }),
});

export const TaskFilterInput = builder.inputRef<TaskFilter>("TaskFilter").implement({
  description:
    "Everything given must hold; what is left out allows everything. At most 500 conditions, nested 10 levels deep.",
  fields: (t) => ({
    projects: t.idList({ description: "PROJECT_NOT_FOUND if one is unknown or outside this key." }),
    status: t.field({ type: TaskStatusFilter }),
    kind: t.field({ type: TaskKindFilter }),
    labels: t.field({ type: LabelFilter }),
    priority: t.field({ type: IntFilterInput }),
    text: t.string({
      description: "Every word occurs in the ID, title, description, notes or artifact ID, whatever the case.",
    }),
    ready: t.boolean({ description: "true: what a claim could take now, expired leases included." }),
    claimedBy: t.field({ type: StringFilterInput }),
    dueDate: t.field({ type: DateFilterInput }),
    updatedAt: t.field({ type: DateFilterInput }),
    and: t.field({ type: [TaskFilterInput] }),
    or: t.field({ type: [TaskFilterInput] }),
  }),
});

export const TaskOrder = builder.enumType("TaskOrder", {
  values: {
    QUEUE: { value: "queue", description: "As claims take them: priority, then place in the queue." },
    NEWEST: { value: "newest", description: "Added last first." },
    OLDEST: { value: "oldest", description: "Added first first." },
    RECENTLY_UPDATED: { value: "updated" },
    DUE_DATE: { value: "due", description: "Earliest first, tasks without one last." },
  } as const,
});
