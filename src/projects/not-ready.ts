import { DocketError } from "../errors.ts";

/** NOT_READY for a claim of a task, with the reasons. */
export const notReady = (
  taskId: string,
  reasons: readonly {
    readonly reason: string;
    readonly message: string;
    readonly task: { readonly taskId: string } | null;
  }[],
) =>
  new DocketError(
    "NOT_READY",
    `Task ${taskId} is not ready: ${reasons.map(({ reason, message, task }) => `${reason}${task ? ` (${task.taskId})` : ""}: ${message}`).join(" ")}`,
    { taskId, reasons },
  );

const PAUSED = "it hands out no work until its time is over or an admin sends resumeProject; what is held goes on.";

/** What a pause means for who asks for work. */
export const pausedMessage = (projectId: string, reason: string | null, until: Date | null) =>
  `Project ${projectId} is paused${until ? ` until ${until.toISOString()}` : ""}${reason === null ? "" : ` (${reason})`}: ${PAUSED}`;

/** What it means that a budget is spent; what is null is not known here. */
export const spentMessage = (
  projectId: string,
  budget: { readonly costUsd: number; readonly per: string } | null,
  until: Date | null,
) =>
  `The budget of project ${projectId}${budget === null ? "" : ` (${budget.costUsd} USD per ${budget.per})`} is spent: it hands out no work ` +
  `until ${until === null ? "its period ends" : until.toISOString()}, or an admin raises the budget with updateProject; what is held goes on.`;

/** @param most null: that is not known here. */
export const projectLimitMessage = (projectId: string, most: number | null) =>
  `As many tasks of project ${projectId} are in progress as may be${most === null ? "" : ` (${most})`}: complete or release one, or an admin raises maxInProgress.`;
export const workerLimitMessage = (projectId: string, most: number | null) =>
  `The worker holds as many tasks of project ${projectId} as it may${most === null ? "" : ` (${most})`}: complete or release one, or an admin raises maxInProgressPerWorker.`;

/** NOT_READY for a claim that names its task, or brings it along, for a reason of its project. */
const notReadyIn = (projectId: string, reason: string, message: string) =>
  new DocketError("NOT_READY", message, {
    projectId,
    reasons: [{ reason, message, until: null, task: null }],
  });
export const projectPaused = (projectId: string) =>
  notReadyIn(projectId, "PROJECT_PAUSED", pausedMessage(projectId, null, null));
export const budgetSpent = (projectId: string) =>
  notReadyIn(projectId, "BUDGET_SPENT", spentMessage(projectId, null, null));
export const projectAtLimit = (projectId: string) =>
  notReadyIn(projectId, "PROJECT_AT_LIMIT", projectLimitMessage(projectId, null));
export const workerAtLimit = (projectId: string) =>
  notReadyIn(projectId, "WORKER_AT_LIMIT", workerLimitMessage(projectId, null));
