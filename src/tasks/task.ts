/** The task's key, unique over all projects. */
export interface TaskKey {
  readonly projectId: string;
  readonly taskId: string;
}

/** One attempt at a task; attempts count from 1 per task. */
export interface AttemptKey extends TaskKey {
  readonly attempt: number;
}

export const TASK_STATUSES = ["pending", "in_progress", "completed"] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** What sort of work item a task is. */
export const TASK_KINDS = ["task", "project", "session", "research"] as const;
export type TaskKind = (typeof TASK_KINDS)[number];

/** How a reminder stands. */
export const REMINDER_STATUSES = ["pending", "triggered", "acknowledged", "cancelled"] as const;
export type ReminderStatus = (typeof REMINDER_STATUSES)[number];

/** What becomes of the dates of a recurring task that were missed. */
export const CATCH_UPS = ["one", "all", "none"] as const;
export type CatchUp = (typeof CATCH_UPS)[number];

/** Why an attempt ended. */
export const OUTCOMES = ["completed", "released", "failed", "expired", "cancelled", "reset", "superseded"] as const;
export type AttemptOutcome = (typeof OUTCOMES)[number];
