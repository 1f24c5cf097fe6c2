import { setTimeout as delay } from "node:timers/promises";

/** One line of a report. */
export interface Measurement {
  readonly what: string;
  readonly measured: string;
  readonly target: string;
  readonly ok: boolean;
  /** What was measured as a number that another run can be compared with: milliseconds, the less the better. */
  readonly ms?: number;
}

/** Durations in milliseconds, and how many of the calls failed. */
export interface Sample {
  readonly durations: readonly number[];
  readonly errors: number;
}

/** The smallest duration that this share (0 to 1) of all does not exceed. */
export function percentile(durations: readonly number[], share: number): number {
  const sorted = durations.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export const milliseconds = (duration: number) => `${duration.toFixed(1)} ms`;

/** A percentile against its limit; errors fail it whatever their number. */
export function below(what: string, { durations, errors }: Sample, share: number, limitMs: number): Measurement {
  const value = percentile(durations, share);
  return {
    what,
    measured: `p${Math.round(share * 100)} ${milliseconds(value)}${errors > 0 ? `, ${errors} errors` : ""}`,
    target: `< ${limitMs} ms`,
    ok: errors === 0 && value < limitMs,
    ms: value,
  };
}

/**
 * Calls at fixed moments, whether or not earlier ones have been answered, and counts each from the moment it was due:
 * a server that stalls is charged for everyone who would have waited.
 */
export async function openLoop(perSecond: number, seconds: number, call: (i: number) => Promise<unknown>) {
  const startedAt = performance.now();
  const calls: Promise<Sample>[] = [];
  for (let i = 0; i < perSecond * seconds; i++) {
    const dueAt = startedAt + (i * 1000) / perSecond;
    const early = dueAt - performance.now();
    if (early > 0) await delay(early);
    calls.push(timed(() => call(i), dueAt));
  }
  return merge(await Promise.all(calls));
}

/** Calls all at once. */
export async function burst(count: number, call: (i: number) => Promise<unknown>): Promise<Sample> {
  return merge(await Promise.all(Array.from({ length: count }, (_, i) => timed(() => call(i)))));
}

/** Calls one after the other. */
export async function inSequence(count: number, call: (i: number) => Promise<unknown>): Promise<Sample> {
  const samples: Sample[] = [];
  for (let i = 0; i < count; i++) samples.push(await timed(() => call(i)));
  return merge(samples);
}

export const merge = (samples: readonly Sample[]): Sample => ({
  durations: samples.flatMap(({ durations }) => durations),
  errors: samples.reduce((sum, { errors }) => sum + errors, 0),
});

async function timed(call: () => Promise<unknown>, since = performance.now()): Promise<Sample> {
  const errors = await call().then(
    () => 0,
    () => 1,
  );
  return { durations: [performance.now() - since], errors };
}
