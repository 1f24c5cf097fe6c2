import * as z from "zod";
import { isBlank, isStorable, NOT_STORABLE } from "../db/storable.ts";
import { badInput, shown } from "../errors.ts";

const LARGEST_NUMBER = 2_147_483_647;
const LARGEST_LIMIT = 10_000;

/** What a project decides for itself; kept in `projects.settings`. */
const Settings = z.object({
  /** How long a claim holds where the caller does not say, in seconds. */
  leaseSeconds: z.int().min(1).max(604_800).default(3600),
  /** Artifact types beside the built-in ones. */
  artifactTypes: z.array(z.string()).default([]),
  /** How far above the highest number of a sequence an ID may be registered, unless an admin says that it may. */
  idJumpLimit: z.int().min(1).max(LARGEST_NUMBER).default(10_000),
  /** How many of its tasks may be in progress at once; null: any number. */
  maxInProgress: z.int().min(1).max(LARGEST_LIMIT).nullable().default(null),
  /** The same, of the tasks that one worker holds. */
  maxInProgressPerWorker: z.int().min(1).max(LARGEST_LIMIT).nullable().default(null),
  /** So many attempts at a task that fail in a row park it. */
  maxAttempts: z.int().min(1).max(100).default(5),
  /** How long a task waits after the second of them, in seconds; twice as long after each further one, an hour at most. */
  retrySeconds: z.int().min(1).max(3_600).default(15),
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
}

/** @throws BAD_USER_INPUT */
export function requireName(name: string): void {
  if (name.length > 200 || isBlank(name)) throw badInput("name must have 1 to 200 characters, and something to read.");
  if (!isStorable(name)) throw badInput(`name ${NOT_STORABLE}.`);
}

/** The settings named in the input, checked; what it leaves out is not there. */
export function givenSettings({
  leaseSeconds,
  artifactTypes,
  idJumpLimit,
  maxInProgress,
  maxInProgressPerWorker,
  maxAttempts,
  retrySeconds,
}: SettingsInput): Partial<ProjectSettings> {
  if (leaseSeconds != null && (leaseSeconds < 1 || leaseSeconds > 604_800))
    throw badInput(`leaseSeconds is ${leaseSeconds}; it must be from 1 to 604800 (a week).`);
  if (idJumpLimit != null && (idJumpLimit < 1 || idJumpLimit > LARGEST_NUMBER))
    throw badInput(`idJumpLimit is ${idJumpLimit}; it must be from 1 to ${LARGEST_NUMBER}.`);
  for (const [name, limit] of Object.entries({ maxInProgress, maxInProgressPerWorker }))
    if (limit != null && (limit < 1 || limit > LARGEST_LIMIT))
      throw badInput(
        `${name} is ${limit}; it must be from 1 to ${LARGEST_LIMIT}, or null for no limit. pauseProject stops all claims.`,
      );
  if (maxAttempts != null && (maxAttempts < 1 || maxAttempts > 100))
    throw badInput(`maxAttempts is ${maxAttempts}; it must be from 1 to 100.`);
  if (retrySeconds != null && (retrySeconds < 1 || retrySeconds > 3_600))
    throw badInput(`retrySeconds is ${retrySeconds}; it must be from 1 to 3600 (an hour).`);
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
  };
}
