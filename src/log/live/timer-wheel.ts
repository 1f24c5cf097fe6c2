import type { Clock } from "../clock.ts";

/** Something that wants to be woken once, at a time of its own. */
export interface Sleeper {
  wake(): void;
}

/** Resolution in milliseconds: sleepers that are due within the same span are woken together. */
const SPAN_MS = 10;
/** Sleepers woken without a break, so that ten thousand of them do not hold up everything else the process does. */
const SLICE = 256;

/** The slot of sleepers whose time has come; the timer wakes them too, never `set`. */
const AT_ONCE = 0;

/** One timer for any number of sleepers. */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Set<Sleeper>>();
  readonly #slotOf = new Map<Sleeper, number>();
  #armedFor = Number.POSITIVE_INFINITY;
  #disarm: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Wakes `sleeper` once, not before `at` (of the clock) and soon after it; replaces what it had asked for before. */
  set(sleeper: Sleeper, at: number): void {
    const slot = at <= this.#clock.now() ? AT_ONCE : Math.ceil(at / SPAN_MS);
    if (this.#slotOf.get(sleeper) === slot) return;
    this.clear(sleeper);
    this.#slotOf.set(sleeper, slot);
    const others = this.#slots.get(slot);
    if (others) others.add(sleeper);
    else this.#slots.set(slot, new Set([sleeper]));
    if (slot < this.#armedFor) this.#arm(slot);
  }

  /** Wakes `sleeper` once, so many milliseconds from now. */
  sleep(sleeper: Sleeper, ms: number): void {
    this.set(sleeper, this.#clock.now() + ms);
  }

  clear(sleeper: Sleeper): void {
    const slot = this.#slotOf.get(sleeper);
    if (slot === undefined) return;
    this.#slotOf.delete(sleeper);
    const others = this.#slots.get(slot);
    others?.delete(sleeper);
    if (others?.size === 0) this.#slots.delete(slot);
  }

  close(): void {
    this.#disarm();
    this.#slots.clear();
    this.#slotOf.clear();
  }

  #arm(slot: number): void {
    this.#disarm();
    this.#armedFor = slot;
    this.#disarm = this.#clock.after(Math.max(0, slot * SPAN_MS - this.#clock.now()), () => this.#turn());
  }

  #turn(): void {
    this.#armedFor = Number.POSITIVE_INFINITY;
    let left = SLICE;
    const due = [...this.#slots.keys()].filter((slot) => slot * SPAN_MS <= this.#clock.now()).sort((a, b) => a - b);
    for (const slot of due) {
      // A timer that fires may be set again, also for this very slot: only those that are in it now are looked at.
      for (const sleeper of this.#slots.get(slot)?.values().take(left).toArray() ?? []) {
        left--;
        this.clear(sleeper);
        sleeper.wake();
      }
      if (left <= 0) break;
    }
    let next = Number.POSITIVE_INFINITY;
    for (const slot of this.#slots.keys()) next = Math.min(next, slot);
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
  }
}
