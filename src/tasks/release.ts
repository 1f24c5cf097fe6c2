import type { TaskAddress } from "./locate.ts";
import { taskVerb } from "./task-verb.ts";
import { type StatusChange, setStatus, toStatus } from "./update-status.ts";

export interface Release extends TaskAddress {
  /** Why it is given back; the next worker reads it. */
  readonly notes?: string | null | undefined;
  readonly checkpoint?: unknown;
}

const given = (input: Release): StatusChange => ({ ...input, status: "pending" });

/** Gives a held task back to the queue. @throws as updateTaskStatus */
export const releaseTask = taskVerb(
  { name: "releaseTask", role: "agent", effect: "changes", idempotent: true, ...toStatus(given) },
  (ctx, input: Release, task) => setStatus(ctx, task, given(input)),
);
