/** The task's key, unique over all projects. */
export interface TaskKey {
  readonly projectId: string;
  readonly taskId: string;
}

/** One attempt at a task; attempts count from 1 per task. */
export interface AttemptKey extends TaskKey {
  readonly attempt: number;
}

export type TaskStatus = "pending" | "in_progress" | "completed";

/** Why an attempt ended. */
export type AttemptOutcome = "completed" | "released" | "expired" | "cancelled" | "reset" | "superseded";
