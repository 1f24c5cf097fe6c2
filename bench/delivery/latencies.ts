/** Width of a class, in milliseconds: finer than anyone looks at. */
const STEP_MS = 0.1;
/** What took longer counts as this long in percentiles; `max` is exact. */
const LONGEST_MS = 120_000;

/** Durations counted in classes: ten thousand subscribers bring millions of them. */
export class Latencies {
  readonly #counts = new Uint32Array(LONGEST_MS / STEP_MS + 1);
  count = 0;
  /** The longest, in milliseconds. */
  max = 0;

  add(ms: number): void {
    const step = Math.min(Math.ceil(ms / STEP_MS), this.#counts.length - 1);
    this.#counts[step] = (this.#counts[step] ?? 0) + 1;
    this.count++;
    if (ms > this.max) this.max = ms;
  }

  /** The duration that this share (0 to 1) of all does not exceed, in milliseconds; NaN when there is none. */
  percentile(share: number): number {
    let left = Math.max(1, Math.ceil(this.count * share));
    const step = this.#counts.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return step < 0 ? Number.NaN : Math.min(step * STEP_MS, this.max);
  }
}
