import { z } from "zod";
import { lowerCase } from "../../../client/enum-case.ts";
import { graphql } from "../../../client/gen/gql.ts";
import type { RestTaskFragment } from "../../../client/gen/graphql.ts";
import { CATCH_UPS, REMINDER_STATUSES, TASK_KINDS, TASK_STATUSES } from "../../tasks/task.ts";

/** A task under the names of its columns. */
graphql(`
  fragment RestTask on Task {
    task_id: taskId
    project_id: projectId
    title
    description
    kind
    status
    priority
    labels
    skills
    assigned_to: assignedTo
    generator_name: generatorName
    inputs
    expected_outputs: expectedOutputs
    context_notes: contextNotes
    completion_notes: completionNotes
    metadata
    artifact_id: artifactId
    artifact_type: artifactType
    parent_task_id: parentTaskId
    branch_name: branchName
    commit_hash: commitHash
    pr_number: prNumber
    due_date: dueDate
    reminder_offset: reminderOffset
    reminder_offsets: reminderOffsets
    reminder_status: reminderStatus
    recurrence_pattern: recurrencePattern
    recurrence_time_zone: recurrenceTimeZone
    recurrence_end_date: recurrenceEndDate
    recurrence_paused_at: recurrencePausedAt
    catch_up: catchUp
    parent_recurring_task_id: parentRecurringTaskId
    occurrence_date: occurrenceDate
    created_at: createdAt
    updated_at: updatedAt
    started_at: startedAt
    completed_at: completedAt
    claimed_by: claimedBy
    lease_expires_at: leaseExpiresAt
    attempts: attemptCount
    failures
    ready_at: readyAt
    parked_at: parkedAt
    parked_reason: parkedReason
    created_by: createdBy
    version
  }
`);

export const statusSchema = z.enum(TASK_STATUSES);
export const kindSchema = z.enum(TASK_KINDS);
export const catchUpSchema = z.enum(CATCH_UPS);
export const instant = z.string().meta({ format: "date-time" });
export const day = z.string().meta({ format: "date" });

export const taskSchema = z
  .object({
    task_id: z.string(),
    project_id: z.string(),
    title: z.string().nullable(),
    description: z.string(),
    kind: kindSchema,
    status: statusSchema,
    priority: z.int(),
    labels: z.array(z.string()),
    skills: z.array(z.string()),
    assigned_to: z.string().nullable(),
    generator_name: z.string().nullable(),
    inputs: z.array(z.string()),
    expected_outputs: z.array(z.string()),
    context_notes: z.string().nullable(),
    completion_notes: z.string().nullable(),
    metadata: z.unknown(),
    artifact_id: z.string().nullable(),
    artifact_type: z.string().nullable(),
    parent_task_id: z.string().nullable(),
    branch_name: z.string().nullable(),
    commit_hash: z.string().nullable(),
    pr_number: z.int().nullable(),
    due_date: instant.nullable(),
    reminder_offset: z.string().nullable(),
    reminder_offsets: z.array(z.string()),
    reminder_status: z.enum(REMINDER_STATUSES).nullable(),
    recurrence_pattern: z.string().nullable(),
    recurrence_time_zone: z.string().nullable(),
    recurrence_end_date: day.nullable(),
    recurrence_paused_at: instant.nullable(),
    catch_up: catchUpSchema.nullable(),
    parent_recurring_task_id: z.string().nullable(),
    occurrence_date: day.nullable(),
    created_at: instant,
    updated_at: instant,
    started_at: instant.nullable(),
    completed_at: instant.nullable(),
    claimed_by: z.string().nullable(),
    lease_expires_at: instant.nullable(),
    attempts: z.int(),
    failures: z.int(),
    ready_at: instant.nullable(),
    parked_at: instant.nullable(),
    parked_reason: z.string().nullable(),
    created_by: z.string().nullable(),
    version: z.int(),
  })
  .meta({ id: "Task", description: "A task as it is now." });

export type RestTask = z.output<typeof taskSchema>;

export const taskOf = ({ status, kind, catch_up, reminder_status, ...task }: RestTaskFragment): RestTask => ({
  ...task,
  status: lowerCase(status),
  kind: lowerCase(kind),
  catch_up: catch_up && lowerCase(catch_up),
  reminder_status: reminder_status && lowerCase(reminder_status),
});
