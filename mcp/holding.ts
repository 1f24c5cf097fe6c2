import { graphql } from "../client/gen/gql.ts";
import type { HoldingCardFragment } from "../client/gen/graphql.ts";
import { withoutEmpties } from "./without-empties.ts";

/** A task that the caller's key holds under the same worker name. */
graphql(`
  fragment HoldingCard on HeldTask {
    task_id: taskId
    project_id: projectId
    worker
    lease_expires_at: leaseExpiresAt
    last_renewed_at: lastRenewedAt
    this_session: thisSession
  }
`);

/** Held tasks that an answer names at most, the newest first. */
const MOST_NAMED = 10;

const ELSEWHERE =
  " One with this_session false is another session's of your key and name: leave it if that one lives; if it died, update_task_status in_progress with take_over takes it, once it was silent for half its lease.";

/** What the caller holds beside the task at hand, and a sentence on what to do about it; nothing when it holds none. */
export function heldBeside(held: readonly HoldingCardFragment[]) {
  if (held.length === 0) return { advice: "" };
  const count = held.length === 1 ? "one other task" : `${held.length} other tasks`;
  const elsewhere = held.every(({ this_session }) => this_session) ? "" : ELSEWHERE;
  return {
    advice: ` You hold ${count} already, see holding: complete or give back what is yours.${elsewhere}`,
    holding: held.slice(0, MOST_NAMED).map(withoutEmpties),
  };
}
