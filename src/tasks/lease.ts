import { isBlank, isStorable, jsonFault, NOT_STORABLE } from "../db/storable.ts";
import { badInput } from "../errors.ts";

/** What a worker may say when it takes, keeps or ends an attempt; each verb knows some of it. */
export interface AttemptInput {
  readonly worker?: string | null | undefined;
  readonly leaseSeconds?: number | null | undefined;
  readonly completionNotes?: string | null | undefined;
  readonly notes?: string | null | undefined;
  readonly checkpoint?: unknown;
}

/** A week; longer work renews. */
const LONGEST_SECONDS = 604_800;
const MOST_SKILLS = 50;
const LONGEST = { worker: 100, skill: 100, completionNotes: 100_000, notes: 100_000 } as const;
/** Where to go on, not what was made: that belongs into a file. */
const LARGEST_CHECKPOINT_BYTES = 65_536;

/** @throws BAD_USER_INPUT for what is too much of anything. */
export function requireAttemptInput(input: AttemptInput): void {
  const { leaseSeconds, checkpoint } = input;
  if (leaseSeconds != null && (leaseSeconds < 1 || leaseSeconds > LONGEST_SECONDS))
    throw badInput(
      `leaseSeconds is ${leaseSeconds}; it must be from 1 to ${LONGEST_SECONDS} (a week). Renew to go on.`,
    );
  for (const field of ["worker", "completionNotes", "notes"] as const) {
    const text = input[field] ?? "";
    if (text.length > LONGEST[field])
      throw badInput(`${field} has ${text.length} characters; ${LONGEST[field]} at most.`);
    if (!isStorable(text)) throw badInput(`${field} ${NOT_STORABLE}.`);
  }
  if (input.worker != null && isBlank(input.worker))
    throw badInput("worker must not be empty or blank; leave it out to go by the name of the key.");
  const fault = checkpoint == null ? undefined : jsonFault(checkpoint, LARGEST_CHECKPOINT_BYTES);
  if (fault) throw badInput(`checkpoint ${fault}.`);
}

/** @throws BAD_USER_INPUT for more skills than a task can require, or what cannot be one. */
export function requireSkills(skills: readonly string[]): void {
  if (skills.length > MOST_SKILLS) throw badInput(`skills are ${skills.length}; ${MOST_SKILLS} at most.`);
  for (const skill of skills) {
    if (skill.length > LONGEST.skill)
      throw badInput(`A skill has ${skill.length} characters; ${LONGEST.skill} at most.`);
    if (!isStorable(skill)) throw badInput(`A skill ${NOT_STORABLE}.`);
    if (isBlank(skill)) throw badInput("A skill must not be empty or blank.");
  }
}
