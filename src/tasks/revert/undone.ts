import { DocketError } from "../../errors.ts";
import type { Changes } from "../../log/write/changes.ts";
import type { TaskDocument } from "../change.ts";
import { type JudgedTask, unheld } from "../hold.ts";
import { TASK_STATUSES, type TaskKey } from "../task.ts";
import type { Foreign } from "./doings.ts";

/** What a step undid of a task, and what it left alone: why, in words that follow the task's ID. */
export interface Undone {
  readonly changes: Changes;
  readonly conflicts: readonly string[];
}

export const NOTHING: Undone = { changes: {}, conflicts: [] };

export const conflict = (...conflicts: string[]): Undone => ({ changes: {}, conflicts });

/** What one task's rules refuse is a conflict of it. */
const OF_ONE_TASK: ReadonlySet<string> = new Set(["BAD_USER_INPUT", "DEPENDENCY_CYCLE", "ID_TAKEN"]);

/** Why a rule of the task refused it; rethrows what is no refusal of this one task. */
export function whyItStays(error: unknown): string {
  if (error instanceof DocketError && OF_ONE_TASK.has(error.code)) return `stays as it is: ${error.message}`;
  throw error;
}

/** A task that nobody holds, as it was just read under its lock. */
export const unheldAs = (key: TaskKey, now: TaskDocument): JudgedTask => {
  const status = TASK_STATUSES.find((one) => one.toUpperCase() === now["status"]) ?? "pending";
  return unheld(key, status, Number(now["version"]));
};

/** Why a task cannot be touched at all, whatever was done to it; null: it can. */
export function untouchable(task: TaskDocument): string | null {
  if (task["deletedAt"] !== null) return "is deleted, so that nothing else of it is undone.";
  if (task["archivedAt"] !== null) return "is archived. Restore it first, with restoreTask.";
  if (task["status"] !== "IN_PROGRESS") return null;
  return `is held by ${task["claimedBy"] ?? "a worker"} until ${task["leaseExpiresAt"]}. Revert again when it was given back.`;
}

/** Who changed it after the author. */
export const by = (other: Foreign | null) => (other ? ` (last by ${other.actor}, ${other.type})` : "");
