import type { Task } from "../../prisma/generated/client/client.ts";
import { columnsOf } from "../db/columns.ts";

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

/** In statements the table is `t`. */
export const TASK = columnsOf("t", COLUMNS, [
  "description",
  "inputs",
  "expectedOutputs",
  "contextNotes",
  "completionNotes",
  "metadata",
]);
export type LongField = (typeof TASK.long)[number];

export const columnOf = (field: keyof Task): string => COLUMNS[field];
