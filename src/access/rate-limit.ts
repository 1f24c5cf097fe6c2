import { type DocketError, rateLimited } from "../errors.ts";

/** How often something may be done in the long run, and how often at once. */
export interface Rate {
  readonly perMinute: number;
  readonly burst: number;
}

const MINUTE_MS = 60_000;
/** Owners that are remembered at most: one who asks under ever new names must not fill the memory. */
const MOST_OWNERS = 100_000;

/**
 * How often each owner may do something on this process: `burst` times at once, and again as time goes by, evenly, never
 * all of a sudden (the generic cell rate algorithm). Of each owner it keeps when all that was done will have been paid
 * for. Who does nothing is forgotten: of two generations the older one goes, with all that is paid for by then.
 */
export class RateLimit {
  /** How often at once. */
  readonly burst: number;
  readonly #intervalMs: number;
  readonly #generationMs: number;
  readonly #now: () => number;
  #paidAt = new Map<string, number>();
  #before = new Map<string, number>();
  #begunAt: number;

  /** @param now milliseconds of a clock that never goes back. */
  constructor({ perMinute, burst }: Rate, now: () => number = () => performance.now()) {
    this.#intervalMs = MINUTE_MS / perMinute;
    this.burst = burst;
    this.#generationMs = Math.max(MINUTE_MS, 2 * burst * this.#intervalMs);
    this.#now = now;
    this.#begunAt = now();
  }

  /**
   * Does it so many times, if that may be. More than a burst at once may be whenever nothing is to be paid for, and has
   * to be paid for as well.
   * @returns 0 when it was done; else in how many milliseconds it may be, and nothing is counted.
   */
  take(owner: string, times = 1): number {
    const waitMs = this.waitMs(owner, times);
    if (waitMs > 0) return waitMs;
    const paidAt = Math.max(this.#of(owner), this.#now()) + times * this.#intervalMs;
    this.#paidAt.set(owner, paidAt);
    return 0;
  }

  /** The same without doing it. */
  waitMs(owner: string, times = 1): number {
    this.#turn();
    const owedMs = this.#of(owner) - this.#now();
    return Math.max(0, Math.ceil(owedMs - Math.max(0, this.burst - times) * this.#intervalMs));
  }

  #of(owner: string): number {
    return this.#paidAt.get(owner) ?? this.#before.get(owner) ?? Number.NEGATIVE_INFINITY;
  }

  #turn(): void {
    const age = this.#now() - this.#begunAt;
    if (age < this.#generationMs && this.#paidAt.size < MOST_OWNERS) return;
    this.#before = age < 2 * this.#generationMs ? this.#paidAt : new Map();
    this.#paidAt = new Map();
    this.#begunAt = this.#now();
  }
}

/** Why something is refused that was done too often; `message` says what, and how often it may be. */
export const tooOften = (message: string, waitMs: number): DocketError =>
  rateLimited(`${message} Try again in ${(waitMs / 1000).toFixed(1)} seconds.`, {
    retryable: true,
    retryAfterMs: waitMs,
  });
