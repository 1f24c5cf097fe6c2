import type { Finding, Stored, StoredAttempt, TaskClaimed, Told } from "../records.ts";
import { groupBy, nameOf, neighbours } from "./group.ts";

/** Clients and database run on clocks of their own, which may drift by so much within a lease. */
const CLOCKS_DIFFER_MS = 10;

const doubleClaim = (text: string): Finding => ({ fault: "double claim", text });

/** Two workers on one task at once, or one task completed twice: by the clients' word, and by the database's. */
export function findDoubleClaims(told: Told, stored: Stored): Finding[] {
  return [...claimsTold(told), ...completionsTold(told), ...attemptsStored(stored)];
}

function* claimsTold({ claimed, left }: Told): Iterable<Finding> {
  const leftAt = new Map(left.map((leaving) => [attemptName(leaving), leaving.askedAt]));
  /**
   * Until when the holder certainly held it: it took effect after the client asked, so it did not expire earlier than
   * this, and was not given up before the client asked for that.
   */
  const heldUntil = (claim: TaskClaimed) =>
    Math.min(
      claim.askedAt + claim.leaseMs - CLOCKS_DIFFER_MS,
      leftAt.get(attemptName(claim)) ?? Number.POSITIVE_INFINITY,
    );

  for (const [name, claims] of groupBy(claimed, nameOf)) {
    claims.sort((a, b) => a.attempt - b.attempt);
    for (const [first, second] of neighbours(claims)) {
      if (first.attempt === second.attempt)
        yield doubleClaim(`${name}: ${first.worker} and ${second.worker} were both given attempt ${first.attempt}`);
      else if (second.toldAt < heldUntil(first))
        yield doubleClaim(`${name}: ${second.worker} was given it while ${first.worker} held it`);
    }
  }
}

function* completionsTold({ left }: Told): Iterable<Finding> {
  const completed = left.filter(({ outcome }) => outcome === "completed");
  for (const [name, completions] of groupBy(completed, nameOf)) {
    if (completions.length > 1) yield doubleClaim(`${name}: ${completions.length} workers were told they completed it`);
  }
}

function* attemptsStored({ tasks, attempts }: Stored): Iterable<Finding> {
  const ofTask = groupBy(attempts, nameOf);
  for (const task of tasks) {
    const name = nameOf(task);
    const own = (ofTask.get(name) ?? []).sort((a, b) => a.attempt - b.attempt);
    if (own.length !== task.attempts || own.some(({ attempt }, i) => attempt !== i + 1))
      yield doubleClaim(`${name}: its attempts are not numbered 1 to ${task.attempts} in the database`);
    if (own.filter(({ outcome }) => outcome === "completed").length > 1)
      yield doubleClaim(`${name}: two attempts completed it in the database`);
    for (const [first, second] of neighbours(own)) {
      if (second.claimedAt < (first.endedAt ?? Number.POSITIVE_INFINITY))
        yield doubleClaim(`${name}: ${describe(first)} and ${describe(second)} were open at once in the database`);
    }
  }
}

const describe = ({ attempt, worker }: StoredAttempt) => `attempt ${attempt} of ${worker ?? "somebody"}`;

export const attemptName = ({ attempt, ...task }: { projectId: string; taskId: string; attempt: number }) =>
  `${nameOf(task)}#${attempt}`;
