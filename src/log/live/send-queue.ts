import { AsyncLocalStorage } from "node:async_hooks";

/** Work in small steps. */
export interface SteppedWork {
  /** Does a little of it. @returns what that cost, in writes; 0 when nothing is left to do for now. */
  step(): number;
}

/** In one turn, in writes: a millisecond or so. */
const TURN = 64;

/** What was queued must not run in the name of the request that happened to be there. */
const outside = AsyncLocalStorage.snapshot();

/**
 * All frames of the process are made and sent here, a few in each turn, so that an event for ten thousand subscribers,
 * or for a thousand groups of them, does not hold up everything else the process does. Each gets a turn before another
 * gets its second.
 */
export class SendQueue {
  readonly #waiting = new Set<SteppedWork>();
  #left = TURN;
  #running = false;
  #armed = false;

  add(work: SteppedWork): void {
    this.#waiting.add(work);
    if (!this.#running && this.#left > 0) outside(() => this.#run());
  }

  #run(): void {
    this.#running = true;
    try {
      for (const work of this.#waiting) {
        this.#waiting.delete(work);
        if (this.#goOn(work)) this.#waiting.add(work);
        if (this.#left <= 0) break;
      }
    } finally {
      // Work that throws is left out, and stops nothing else.
      this.#running = false;
      this.#arm();
    }
  }

  /** The next turn. */
  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => {
      this.#armed = false;
      this.#left = TURN;
      if (this.#waiting.size > 0) this.#run();
    });
  }

  /** @returns whether more of it is left when the turn is over. */
  #goOn(work: SteppedWork): boolean {
    while (this.#left > 0) {
      const cost = work.step();
      if (cost === 0) return false;
      this.#left -= cost;
    }
    return true;
  }
}
