import type { DateFilter, IntFilter, StringFilter, TaskFilter } from "../../src/tasks/filter.ts";
import { builder } from "../builder.ts";
import { TaskKind, TaskStatus } from "./task.ts";

export const StringFilterInput = builder.inputRef<StringFilter>("StringFilter").implement({
  fields: (t) => ({
    eq: t.string(),
    in: t.stringList(),
    contains: t.string({ description: "Part of the text, whatever the case." }),
    null: t.boolean({ description: "true: is empty; false: is not." }),
  }),
});

const IntFilterInput = builder.inputRef<IntFilter>("IntFilter").implement({
  fields: (t) => ({ eq: t.int(), in: t.intList(), lt: t.int(), lte: t.int(), gt: t.int(), gte: t.int() }),
});

const DateFilterInput = builder.inputRef<DateFilter>("DateFilter").implement({
  description:
    'Instants as ISO 8601 (2026-03-01T09:00:00Z), or durations from now: {gt: "-P1D"} is within the last day.',
  fields: (t) => ({
    lt: t.string(),
    lte: t.string(),
    gt: t.string(),
    gte: t.string(),
    null: t.boolean({ description: "true: is empty; false: is not." }),
  }),
});

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
  description: "Everything given must hold; what is left out allows everything.",
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
    NEWEST: { value: "newest" },
    OLDEST: { value: "oldest" },
    RECENTLY_UPDATED: { value: "updated" },
    DUE_DATE: { value: "due", description: "Earliest first, tasks without one last." },
  } as const,
});
