import type { Clock } from "../../src/log/clock.ts";

/** Time that stands still until the test moves it. */
export class ManualClock implements Clock {
  #now = 1_000;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Those of them that are due only after `ms` more. */
  timersBeyond(ms: number): number {
    return [...this.#timers].filter(({ at }) => at > this.#now + ms).length;
  }

  /** Moves time on, and stops at each timer on the way so that what it starts can happen. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settled();
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
    }
    this.#now = end;
  }
}

/** When everything that needs no timer and no socket has happened. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
