import { z } from "zod";
import { upperCase } from "../../../client/enum-case.ts";
import type { AddTaskItem } from "../../../client/gen/graphql.ts";
import { catchUpSchema, day, instant, kindSchema, statusSchema } from "./task.ts";

const names = z.array(z.string()).nullish();
const text = z.string().nullish();

/** What may be said of a task when it is added and when it is changed; null says nothing there, and empties here. */
export const SAID = {
  title: text,
  description: text,
  kind: kindSchema.nullish(),
  priority: z.int().nullish().describe("0 is most urgent, 4 least; 2 by default."),
  labels: names,
  skills: names,
  assigned_to: text,
  generator_name: text,
  inputs: names,
  expected_outputs: names,
  context_notes: text,
  metadata: z.record(z.string(), z.unknown()).nullish(),
  parent_task_id: text.describe("The task of its project that it is a part of."),
  branch_name: text,
  due_date: instant.nullish(),
  reminder_offset: text.describe("How long before due_date it reminds, like 1 hour; null: not at all."),
  recurrence_pattern: text.describe(
    "Makes it a template, whose instances are worked on: daily, weekly:MON,WED, monthly:15, yearly, custom:3d or an RRULE.",
  ),
  recurrence_end_date: day.nullish(),
  recurrence_time_zone: text.describe("Like Europe/Berlin; UTC by default."),
  catch_up: catchUpSchema.nullish().describe("What becomes of dates that were missed; one by default."),
};

/** A task that is added. */
export const newTaskSchema = z.strictObject({
  task_id: text.describe("Like TASK-046; the next one of the project is given unless it is said."),
  project_id: text,
  status: statusSchema.nullish().describe("pending by default."),
  ...SAID,
  generator: text.describe("Same as generator_name."),
  artifact_id: text.describe("The artifact to make, like HLS-012: description and expected_outputs follow from it."),
  artifact_type: text,
  parent_id: text.describe("The artifact that it is made from: becomes its input."),
  depends_on: names.describe(
    "Tasks that it waits for, like TASK-003 or web/TASK-003; in a batch also keys of its items.",
  ),
});

/** One of several that are added together. */
export const batchItemSchema = newTaskSchema
  .extend({
    key: text.describe("What other items of the batch name it by."),
    parent_key: text.describe("The key of the item that it is a part of."),
  })
  .meta({ id: "NewTask", description: "A task to add. It needs a description, or an artifact_id." });

/** What is said of a task, under the names of GraphQL. */
export const saidInGraphQL = ({ kind, catch_up: catchUp, ...said }: z.output<z.ZodObject<typeof SAID>>) => ({
  title: said.title,
  description: said.description,
  kind: kind && upperCase(kind),
  priority: said.priority,
  labels: said.labels,
  skills: said.skills,
  assignedTo: said.assigned_to,
  generatorName: said.generator_name,
  inputs: said.inputs,
  expectedOutputs: said.expected_outputs,
  contextNotes: said.context_notes,
  metadata: said.metadata,
  parentTaskId: said.parent_task_id,
  branchName: said.branch_name,
  dueDate: said.due_date,
  reminderOffset: said.reminder_offset,
  recurrencePattern: said.recurrence_pattern,
  recurrenceEndDate: said.recurrence_end_date,
  recurrenceTimeZone: said.recurrence_time_zone,
  catchUp: catchUp && upperCase(catchUp),
});

type Item = Omit<z.output<typeof batchItemSchema>, "key" | "parent_key"> &
  Partial<Pick<z.output<typeof batchItemSchema>, "key" | "parent_key">>;

export const itemInGraphQL = ({ status, ...item }: Item): AddTaskItem => ({
  ...saidInGraphQL(item),
  taskId: item.task_id,
  projectId: item.project_id,
  status: status && upperCase(status),
  generator: item.generator,
  artifactId: item.artifact_id,
  // Types of tasks are often written in lower case, and those of IDs in upper case.
  artifactType: item.artifact_type?.toUpperCase(),
  parentId: item.parent_id,
  dependsOn: item.depends_on,
  key: item.key,
  parentKey: item.parent_key,
});
