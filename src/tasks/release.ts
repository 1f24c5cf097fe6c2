import { badInput } from "../errors.ts";
import type { TaskAddress } from "./locate.ts";
import { taskVerb } from "./task-verb.ts";
import { type GiveBack, type StatusChange, setStatus, toStatus } from "./update-status.ts";
import type { UsageGiven } from "./usage/add.ts";

export interface Release extends TaskAddress, GiveBack {
  /** Why it is given back; the next worker reads it. */
  readonly notes?: string | null | undefined;
  /** Since the last call that said so. */
  readonly usage?: UsageGiven | null | undefined;
}

/** A week. */
const LONGEST_WAIT_SECONDS = 604_800;

const given = (input: Release): StatusChange => ({ ...input, status: "pending" });

/** Gives a held task back to the queue; `after_attempt` says what becomes of it there. @throws as updateTaskStatus */
export const releaseTask = taskVerb(
  {
    name: "releaseTask",
    role: "agent",
    effect: "changes",
    idempotent: true,
    limits: ({ outcome, sessionEnded, retryAfterSeconds }: Release) => {
      if (retryAfterSeconds != null && (retryAfterSeconds < 0 || retryAfterSeconds > LONGEST_WAIT_SECONDS))
        throw badInput(
          `retryAfterSeconds is ${retryAfterSeconds}; it must be from 0 to ${LONGEST_WAIT_SECONDS} (a week). parkTask keeps a task until somebody decides.`,
        );
      if (sessionEnded && outcome === "failed")
        throw badInput("sessionEnded goes with outcome RELEASED: a session that ends says little of the task.");
    },
    ...toStatus(given),
  },
  (ctx, input: Release, task) => setStatus(ctx, task, given(input)),
);
