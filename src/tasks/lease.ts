import { isBlank, jsonFault } from "../db/storable.ts";
import { requireSaid, requireText } from "../db/text-checks.ts";
import { badInput } from "../errors.ts";
import { requireUsage, type UsageGiven } from "./usage/add.ts";

/** What a worker may say when it takes, keeps or ends an attempt; each verb knows some of it. */
export interface AttemptInput {
  readonly worker?: string | null | undefined;
  readonly leaseSeconds?: number | null | undefined;
  readonly completionNotes?: string | null | undefined;
  readonly notes?: string | null | undefined;
  readonly checkpoint?: unknown;
  readonly usage?: UsageGiven | null | undefined;
}

/** A week; longer work renews. */
const LONGEST_SECONDS = 604_800;
const MOST_WORDS = 50;
const LONGEST = { worker: 100, word: 100, completionNotes: 100_000, notes: 100_000 } as const;
/** Where to go on, not what was made: that belongs into a file. */
const LARGEST_CHECKPOINT_BYTES = 65_536;

/** @throws BAD_USER_INPUT for what is too much of anything. */
export function requireAttemptInput(input: AttemptInput): void {
  const { leaseSeconds, checkpoint, usage } = input;
  if (leaseSeconds != null && (leaseSeconds < 1 || leaseSeconds > LONGEST_SECONDS))
    throw badInput(
      `leaseSeconds is ${leaseSeconds}; it must be from 1 to ${LONGEST_SECONDS} (a week). Renew to go on.`,
    );
  for (const field of ["worker", "completionNotes", "notes"] as const)
    requireText(field, input[field] ?? "", LONGEST[field]);
  if (input.worker != null && isBlank(input.worker))
    throw badInput("worker must not be empty or blank; leave it out to go by the name of the key.");
  const fault = checkpoint == null ? undefined : jsonFault(checkpoint, LARGEST_CHECKPOINT_BYTES);
  if (fault) throw badInput(`checkpoint ${fault}.`);
  if (usage != null) requireUsage(usage);
}

/** @throws BAD_USER_INPUT for more skills, or labels, than a task can have, or what cannot be one. */
export function requireWords(what: "skill" | "label", words: readonly string[]): void {
  if (words.length > MOST_WORDS) throw badInput(`${what}s are ${words.length}; ${MOST_WORDS} at most.`);
  for (const word of words) requireSaid(`A ${what}`, word, LONGEST.word, ".");
}
export const requireSkills = (skills: readonly string[]) => requireWords("skill", skills);
