import { verb } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { lockedTask } from "./hold.ts";
import type { TaskAddress } from "./locate.ts";
import { setStatus } from "./update-status.ts";

export interface Release extends TaskAddress {
  /** Why it is given back; the next worker reads it. */
  readonly notes?: string | null | undefined;
  readonly checkpoint?: unknown;
}

/** Gives a held task back to the queue. @throws as updateStatus */
export const releaseTask = verb(
  {
    name: "releaseTask",
    role: "agent",
    effect: "changes",
    scope: "project",
    idempotent: true,
    on: (ctx: Context, input: Release) => lockedTask(ctx, input, "pending"),
  },
  (ctx, input: Release, task) => setStatus(ctx, task, { ...input, status: "pending" }),
);
