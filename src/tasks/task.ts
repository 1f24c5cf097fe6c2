import type { Task } from "../../prisma/generated/client/client.ts";

export type { Task };

const COLUMNS: Record<keyof Task, string> = {
  projectId: "project_id",
  taskId: "task_id",
  title: "title",
  description: "description",
  kind: "kind",
  generatorName: "generator_name",
  status: "status",
  priority: "priority",
  labels: "labels",
  inputs: "inputs",
  expectedOutputs: "expected_outputs",
  contextNotes: "context_notes",
  completionNotes: "completion_notes",
  metadata: "metadata",
  artifactId: "artifact_id",
  artifactType: "artifact_type",
  branchName: "branch_name",
  commitHash: "commit_hash",
  prNumber: "pr_number",
  dueDate: "due_date",
  createdAt: "created_at",
  updatedAt: "updated_at",
  startedAt: "started_at",
  completedAt: "completed_at",
  claimedBy: "claimed_by",
  leaseExpiresAt: "lease_expires_at",
  attemptCount: "attempts",
  createdBy: "created_by",
  version: "version",
  deletedAt: "deleted_at",
  archivedAt: "archived_at",
};

/** The columns of a task (alias `t`) in the shape Prisma gives, for statements that return whole tasks. */
export const TASK_COLUMNS = Object.entries(COLUMNS)
  .map(([field, column]) => `t.${column} AS "${field}"`)
  .join(", ");

export const columnOf = (field: keyof Task): string => COLUMNS[field];
