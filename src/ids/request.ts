import { isBlank, isStorable } from "../db/storable.ts";
import { badInput, taskNotFound } from "../errors.ts";

const SECONDS_PER_WEEK = 604_800;
const DEFAULT_TTL_SECONDS = 15 * 60;
const LONGEST_REASON = 1000;

/** How long a reservation holds: 15 minutes unless given. @throws BAD_USER_INPUT unless it is 1 s to a week. */
export function requireTtl(given: number | null | undefined): number {
  const ttlSeconds = given ?? DEFAULT_TTL_SECONDS;
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > SECONDS_PER_WEEK)
    throw badInput(`ttlSeconds is ${ttlSeconds}; it must be from 1 to ${SECONDS_PER_WEEK} (a week).`);
  return ttlSeconds;
}

const LARGEST_LIST = 1000;

/** The IDs of one call. @throws BAD_USER_INPUT unless there are 1 to 1,000. */
export function requireList(ids: readonly string[]): void {
  if (ids.length < 1 || ids.length > LARGEST_LIST)
    throw badInput(`ids has ${ids.length} entries; give 1 to ${LARGEST_LIST}.`);
}

/** Why something is done: words for people who wonder later. @throws BAD_USER_INPUT */
export function requireReason(reason: string): string {
  if (isBlank(reason) || [...reason].length > LONGEST_REASON || !isStorable(reason))
    throw badInput(
      `reason must say why in 1 to ${LONGEST_REASON} characters, without U+0000 or half a surrogate pair.`,
    );
  return reason;
}

/** What a number is for: a note that may be left out. @throws BAD_USER_INPUT */
export function requireBranch(branch: string | null | undefined): string | null {
  if (branch != null && (isBlank(branch) || !/^\P{C}{1,255}$/u.test(branch)))
    throw badInput("branchName must have 1 to 255 characters, not only blanks, and none of them control characters.");
  return branch ?? null;
}

/** The form that every task ID has; what differs from it is no task. @throws TASK_NOT_FOUND */
export function requireTaskForm(taskId: string | null | undefined, projectId: string): string | null {
  if (taskId != null && !/^[A-Z]{2,10}-[0-9]{3,10}$/.test(taskId)) throw taskNotFound(taskId, projectId);
  return taskId ?? null;
}
