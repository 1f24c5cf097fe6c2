import { type FaultCode, ServerError } from "../../client/faults.ts";
import type { Ask } from "./asking.ts";
import { CompleteRaceTask } from "./documents.ts";
import { INTRUDER } from "./judge/fences.ts";
import type { Ledger } from "./ledger.ts";

/** How the server refuses who has not been given the attempt, or has an attempt that is none. */
const REFUSALS: readonly FaultCode[] = ["LEASE_LOST", "BAD_USER_INPUT", "INVALID_STATUS_TRANSITION"];

/**
 * Tries to complete a task with all that can be known of the attempt that holds it, but for the attempt itself: nothing,
 * its number (which refusals name), and the number with a guess.
 */
export async function intrude(
  ask: Ask,
  { projectId, taskId, number }: { projectId: string; taskId: string; number: number },
  ledger: Pick<Ledger, "intrusions" | "fended">,
): Promise<void> {
  const tries = {
    "without an attempt": null,
    "with the attempt's number": String(number),
    "with a guess": `${number}-${"0".repeat(12)}`,
  };
  for (const [how, attempt] of Object.entries(tries)) {
    try {
      const completed = { status: "COMPLETED", completionNotes: INTRUDER } as const;
      await ask(CompleteRaceTask, { projectId, taskId, attempt, ...completed });
      ledger.intrusions.push({ projectId, taskId, how });
    } catch (error) {
      if (!(error instanceof ServerError && error.is(...REFUSALS))) throw error;
      ledger.fended++;
    }
  }
}
