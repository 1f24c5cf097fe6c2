import { once } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { lockTask } from "./hold.ts";
import { requireAttemptInput } from "./lease.ts";
import { locateTask, type TaskAddress } from "./locate.ts";
import { setStatus } from "./update-status.ts";

export interface Release extends TaskAddress {
  /** Why it is given back; the next worker reads it. */
  readonly notes?: string | null | undefined;
  readonly checkpoint?: unknown;
  readonly idempotencyKey?: string | null | undefined;
}

/** Gives a held task back to the queue. @throws as updateStatus */
export function releaseTask(ctx: Context, input: Release) {
  return once(ctx, { operation: "releaseTask", role: "agent", input }, async (inside) => {
    requireAttemptInput(input);
    const task = await lockTask(inside, await locateTask(inside, input, "write", "pending"));
    return setStatus(inside, task, { ...input, status: "pending", completionNotes: input.notes });
  });
}
