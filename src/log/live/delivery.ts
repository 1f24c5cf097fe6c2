import type { SendQueue, SteppedWork } from "./send-queue.ts";

/** What making a frame costs, in writes. */
const MAKING = 8;

interface Parts<Sink, Made> {
  readonly to: readonly Sink[];
  readonly make: () => Made | Promise<Made>;
  readonly send: (sink: Sink, made: Made) => void;
  /** Called once, when it was sent to all. */
  readonly over: () => void;
}

/** One frame on its way: it is made once, then sent to one after the other. */
export class Delivery<Sink, Made> implements SteppedWork {
  readonly #queue: SendQueue;
  readonly #parts: Parts<Sink, Made>;
  #made: { readonly it: Made } | undefined;
  #next = 0;

  constructor(queue: SendQueue, parts: Parts<Sink, Made>) {
    this.#queue = queue;
    this.#parts = parts;
  }

  step(): number {
    const { to, make, send, over } = this.#parts;
    if (!this.#made) {
      const making = make();
      if (making instanceof Promise) {
        void making.then((it) => {
          this.#made = { it };
          this.#queue.add(this);
        });
        return 0;
      }
      this.#made = { it: making };
      return MAKING;
    }
    const sink = to[this.#next++];
    if (sink !== undefined) {
      send(sink, this.#made.it);
      return 1;
    }
    over();
    return 0;
  }
}
