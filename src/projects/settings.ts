import * as z from "zod";
import { durationFault } from "../db/duration.ts";
import { isBlank, isStorable, NOT_STORABLE } from "../db/storable.ts";
import { badInput, shown } from "../errors.ts";

const NO_LIMIT = ", or null for no limit. pauseProject stops all claims.";

/** The whole numbers among them: each from 1 to `most`, and what is said after that of one beyond it. */
const NUMBERS = {
  leaseSeconds: { most: 604_800, rest: " (a week)." },
  idJumpLimit: { most: 2_147_483_647, rest: "." },
  maxInProgress: { most: 10_000, rest: NO_LIMIT },
  maxInProgressPerWorker: { most: 10_000, rest: NO_LIMIT },
  maxAttempts: { most: 100, rest: "." },
  retrySeconds: { most: 3_600, rest: " (an hour)." },
  stalledAfterSeconds: { most: 604_800, rest: " (a week)." },
} as const;

const number = (name: keyof typeof NUMBERS) => z.int().min(1).max(NUMBERS[name].most);

/** What a project decides for itself; kept in `projects.settings`. */
const Settings = z.object({
  /** How long a claim holds where the caller does not say, in seconds. */
  leaseSeconds: number("leaseSeconds").default(3600),
  /** Artifact types beside the built-in ones. */
  artifactTypes: z.array(z.string()).default([]),
  /** How far above the highest number of a sequence an ID may be registered, unless an admin says that it may. */
  idJumpLimit: number("idJumpLimit").default(10_000),
  /** How many of its tasks may be in progress at once; null: any number. */
  maxInProgress: number("maxInProgress").nullable().default(null),
  /** The same, of the tasks that one worker holds. */
  maxInProgressPerWorker: number("maxInProgressPerWorker").nullable().default(null),
  /** So many attempts at a task that fail in a row park it. */
  maxAttempts: number("maxAttempts").default(5),
  /** How long a task waits after the second of them, in seconds; twice as long after each further one, an hour at most. */
  retrySeconds: number("retrySeconds").default(15),
  /** After so many seconds in which its holder showed nothing an attempt that is renewed is stalled. */
  stalledAfterSeconds: number("stalledAfterSeconds").default(3600),
  /** How long before it is due the priority of an open task is raised by one step, like P2D; null: it is not. */
  raisePriorityBefore: z.string().nullable().default(null),
});

export type ProjectSettings = z.infer<typeof Settings>;

export const readSettings = (stored: unknown): ProjectSettings => Settings.parse(stored);

export interface SettingsInput {
  readonly leaseSeconds?: number | null | undefined;
  readonly artifactTypes?: readonly string[] | null | undefined;
  readonly idJumpLimit?: number | null | undefined;
  /** null takes a limit away. */
  readonly maxInProgress?: number | null | undefined;
  readonly maxInProgressPerWorker?: number | null | undefined;
  readonly maxAttempts?: number | null | undefined;
  readonly retrySeconds?: number | null | undefined;
  readonly stalledAfterSeconds?: number | null | undefined;
  /** null: priorities stay as they are. */
  readonly raisePriorityBefore?: string | null | undefined;
}

/** @throws BAD_USER_INPUT */
export function requireName(name: string): void {
  if (name.length > 200 || isBlank(name)) throw badInput("name must have 1 to 200 characters, and something to read.");
  if (!isStorable(name)) throw badInput(`name ${NOT_STORABLE}.`);
}

/** The settings named in the input, checked; what it leaves out is not there. */
export function givenSettings(input: SettingsInput): Partial<ProjectSettings> {
  for (const [name, { most, rest }] of Object.entries(NUMBERS)) {
    const given = input[name as keyof typeof NUMBERS];
    if (given != null && (given < 1 || given > most))
      throw badInput(`${name} is ${given}; it must be from 1 to ${most}${rest}`);
  }
  const { leaseSeconds, artifactTypes, idJumpLimit, maxInProgress, maxInProgressPerWorker } = input;
  const { maxAttempts, retrySeconds, stalledAfterSeconds, raisePriorityBefore } = input;
  const wrong = raisePriorityBefore == null ? undefined : durationFault(raisePriorityBefore);
  if (wrong !== undefined) throw badInput(`raisePriorityBefore: ${wrong}`);
  const types = artifactTypes?.map((type) => type.toUpperCase());
  const bad = types?.find((type) => !/^[A-Z]{2,10}$/.test(type));
  if (bad !== undefined) throw badInput(`Artifact type ${shown(bad)} must be 2 to 10 letters A-Z.`);
  return {
    ...(leaseSeconds != null && { leaseSeconds }),
    ...(types && { artifactTypes: [...new Set(types)] }),
    ...(idJumpLimit != null && { idJumpLimit }),
    ...(maxInProgress !== undefined && { maxInProgress }),
    ...(maxInProgressPerWorker !== undefined && { maxInProgressPerWorker }),
    ...(maxAttempts != null && { maxAttempts }),
    ...(retrySeconds != null && { retrySeconds }),
    ...(stalledAfterSeconds != null && { stalledAfterSeconds }),
    ...(raisePriorityBefore !== undefined && { raisePriorityBefore }),
  };
}
