import { type Clock, systemClock } from "../src/log/clock.ts";

/** How long an answer is shared, in milliseconds: a frame to ten thousand subscribers is sent within this. */
const SHARED_MS = 1_000;
const MOST_SHARED = 4_096;

/** Forgets by age and by number, so that a stream that resumes later shows the state of then. */
export class ShortMemory<Value> {
  /** Oldest first. */
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();
  readonly #clock: Clock;
  #forgetting = false;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    return entry && entry.until > this.#clock.now() ? entry.value : undefined;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: this.#clock.now() + SHARED_MS });
    this.#forget();
  }

  get size(): number {
    return this.#entries.size;
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** The timer goes on until nothing is left, as nobody asks any more after the last frame. */
  #forget(): void {
    for (const [oldest, { until }] of this.#entries) {
      if (this.#entries.size <= MOST_SHARED && until > this.#clock.now()) break;
      this.#entries.delete(oldest);
    }
    if (this.#forgetting || this.#entries.size === 0) return;
    this.#forgetting = true;
    this.#clock.after(SHARED_MS, () => {
      this.#forgetting = false;
      this.#forget();
    });
  }
}
