import { isDeepStrictEqual } from "node:util";

/** Fields that an update really changed, as its event tells them. */
export type Changes = Record<string, { old: unknown; new: unknown }>;

export function changesOf(
  before: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
): Changes {
  return Object.fromEntries(
    Object.entries(given)
      .map(([field, value]) => [field, { old: before[field] ?? null, new: value ?? null }] as const)
      .filter(([, change]) => !isDeepStrictEqual(change.old, change.new)),
  );
}
