import type { AttemptFilter, LabelFilter, TaskFilter } from "../../src/tasks/filter.ts";
import { looksThrough } from "../argument-cost.ts";
import { builder } from "../builder.ts";
import { DateFilterInput, enumFilterInput, IntFilterInput, StringFilterInput } from "../filters.ts";
import { orderInput } from "../order.ts";
import { AttemptOutcome, TaskKind, TaskStatus } from "./task.ts";

const LabelFilterInput = builder.inputRef<LabelFilter>("LabelFilter").implement({
  description: "Everything that is given must hold.",
  fields: (t) => ({
    all: t.stringList({ description: "Has each of these labels." }),
    any: t.stringList({ description: "Has at least one of these labels." }),
    none: t.stringList({ description: "Has none of these labels." }),
    contains: t.string({ description: "Has this label." }),
    in: t.stringList({ description: "The same as any." }),
  }),
});

const AttemptOutcomeFilter = enumFilterInput(AttemptOutcome);
const AttemptFilterInput = builder.inputRef<AttemptFilter>("AttemptFilter").implement({
  description: "One and the same attempt for which everything given holds.",
  fields: (t) => ({
    worker: t.field({ type: StringFilterInput, description: "The name that the worker gave." }),
    outcome: t.field({ type: AttemptOutcomeFilter, description: "Why it ended; empty while it holds the task." }),
    claimedAt: t.field({ type: DateFilterInput, description: "When it began." }),
    endedAt: t.field({ type: DateFilterInput, description: "When it ended; empty while it holds the task." }),
  }),
});

const TaskStatusFilter = enumFilterInput(TaskStatus);
const TaskKindFilter = enumFilterInput(TaskKind);

/**
 * So many entries of a list take as long as to look through what 10,000 tasks and 100,000 attempts left: together an
 * operation may do so for about a second.
 */
export const COST_OF_TEXT = 200;
const COST_OF_ATTEMPTS = 200;
const COST_OF_FAILED_ATTEMPTS = 1_000;

export const TaskFilterInput = builder.inputRef<TaskFilter>("TaskFilter").implement({
  description: `Everything given must hold; what is left out allows everything. At most 500 conditions, nested 10 levels deep. Beside the page, text and attempts cost ${COST_OF_TEXT} of what an operation may, failedAttempts ${COST_OF_FAILED_ATTEMPTS}, each time.`,
  fields: (t) => ({
    projects: t.idList({ description: "PROJECT_NOT_FOUND if one is unknown or outside this key." }),
    status: t.field({ type: TaskStatusFilter, description: "Pending, in progress or completed." }),
    kind: t.field({ type: TaskKindFilter, description: "What sort of work item it is." }),
    labels: t.field({ type: LabelFilterInput, description: "The labels that it bears." }),
    priority: t.field({ type: IntFilterInput, description: "0 highest … 4 lowest." }),
    text: t.string({
      extensions: looksThrough(COST_OF_TEXT),
      description: "Every word occurs in the ID, title, description, notes or artifact ID, whatever the case.",
    }),
    archived: t.boolean({
      description:
        "true: archived ones, false: others. Without it, anywhere in the filter, archived ones are left out.",
    }),
    template: t.boolean({
      description:
        "true: templates of recurring tasks, false: others. Without it, anywhere in the filter, templates are left out.",
    }),
    ready: t.boolean({ description: "true: what a claim could take now, expired leases included." }),
    parked: t.boolean({ description: "true: kept from being claimed until somebody decides; parkedReason says why." }),
    stalled: t.boolean({ description: "true: its lease is renewed, and its worker shows nothing; see Task.stalled." }),
    overdue: t.boolean({ description: "true: open, and its due date has passed. false: every other." }),
    artifactId: t.field({ type: StringFilterInput, description: "The artifact that it makes." }),
    parent: t.field({
      type: StringFilterInput,
      description: "The ID of the task that it is a part of; empty at the top.",
    }),
    createdBy: t.field({
      type: StringFilterInput,
      description: "The session (client id) or else the key that added it.",
    }),
    claimedBy: t.field({ type: StringFilterInput, description: "The worker that holds it now." }),
    attemptCount: t.field({ type: IntFilterInput, description: "How often it was claimed." }),
    failures: t.field({ type: IntFilterInput, description: "How many of its attempts failed in a row." }),
    failedAttempts: t.field({
      type: IntFilterInput,
      extensions: looksThrough(COST_OF_FAILED_ATTEMPTS),
      description: "How many of its attempts failed: their lease ran out, or their worker said so.",
    }),
    hasAttempts: t.boolean({ description: "true: it was claimed at least once; false: never." }),
    attempts: t.field({
      type: AttemptFilterInput,
      extensions: looksThrough(COST_OF_ATTEMPTS),
      description:
        "One of its attempts, ended ones too. An empty one allows every task: hasAttempts asks for any attempt.",
    }),
    dueDate: t.field({ type: DateFilterInput, description: "When it is due." }),
    leaseExpiresAt: t.field({ type: DateFilterInput, description: "Until when it is held; empty unless in progress." }),
    createdAt: t.field({ type: DateFilterInput, description: "When it was added." }),
    startedAt: t.field({ type: DateFilterInput, description: "When it was first claimed." }),
    completedAt: t.field({ type: DateFilterInput, description: "When it was completed; empty unless it is." }),
    updatedAt: t.field({ type: DateFilterInput, description: "When it changed last." }),
    and: t.field({ type: [TaskFilterInput], description: "Each of these holds." }),
    or: t.field({ type: [TaskFilterInput], description: "At least one of these holds." }),
    not: t.field({ type: TaskFilterInput, description: "This does not hold." }),
  }),
});

const LAST = "those without one last";
export const TaskOrder = orderInput("Task", {
  queue: "As claims take them: priority, then place in the queue.",
  createdAt: "When it was added.",
  updatedAt: "When it changed last.",
  startedAt: `When it was first claimed, ${LAST}.`,
  completedAt: `When it was completed, ${LAST}.`,
  dueDate: `When it is due, ${LAST}.`,
  leaseExpiresAt: `Until when it is held, ${LAST}.`,
  attemptCount: "How often it was claimed.",
  failedAttempts: "How many of its attempts failed.",
});
