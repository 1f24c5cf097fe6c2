import { vi } from "vitest";

/** Long enough for a machine that does eight things at once; what passes is seen within the interval. */
const PATIENCE = { timeout: 30_000, interval: 20 };

/**
 * What `check` returns, once it no longer throws; it is tried again and again, for half a minute unless told otherwise
 * (milliseconds). It is no measure of time: for that a test moves its clock.
 */
export const eventually = <Result>(check: () => Result, patience: Partial<typeof PATIENCE> = {}) =>
  vi.waitFor(check, { ...PATIENCE, ...patience });
