import type { SendQueue, SteppedWork } from "./send-queue.ts";

/** What taking a frame costs, in writes. */
const TAKING = 1;
/** What making one costs, in writes. */
const MAKING = 8;

/** A frame, and whom it is for. */
interface Taken<Frame, Sink> {
  readonly frame: Frame;
  readonly to: readonly Sink[];
}

/** What is to be sent; undefined: nothing. */
export type Taking<Frame, Sink> = Taken<Frame, Sink> | undefined | Promise<Taken<Frame, Sink> | undefined>;

interface Parts<Frame, Sink, Made> {
  readonly take: () => Taking<Frame, Sink>;
  readonly make: (frame: Frame) => Made | Promise<Made>;
  readonly send: (sink: Sink, made: Made) => void;
  /** Called once, when it was sent to all, or there was nothing to send. */
  readonly over: () => void;
}

/** One frame on its way: it is taken and made once, then sent to one after the other. */
export class Delivery<Frame, Sink, Made> implements SteppedWork {
  readonly #queue: SendQueue;
  readonly #parts: Parts<Frame, Sink, Made>;
  #taken: Taken<Frame, Sink> | undefined;
  #made: { readonly it: Made } | undefined;
  #next = 0;

  constructor(queue: SendQueue, parts: Parts<Frame, Sink, Made>) {
    this.#queue = queue;
    this.#parts = parts;
  }

  step(): number {
    const { take, make, send, over } = this.#parts;
    if (!this.#taken) return this.#once(take(), TAKING, (taken) => this.#take(taken));
    if (!this.#made) return this.#once(make(this.#taken.frame), MAKING, (it) => this.#make(it));
    const sink = this.#taken.to[this.#next++];
    if (sink !== undefined) {
      send(sink, this.#made.it);
      return 1;
    }
    over();
    return 0;
  }

  /** @returns the cost, or 0 while it waits for what comes later. */
  #once<Value>(value: Value | Promise<Value>, cost: number, then: (value: Value) => boolean): number {
    if (!(value instanceof Promise)) return then(value) ? cost : 0;
    void value.then((later) => {
      if (then(later)) this.#queue.add(this);
    });
    return 0;
  }

  #take(taken: Taken<Frame, Sink> | undefined): boolean {
    this.#taken = taken;
    if (!taken) this.#parts.over();
    return taken !== undefined;
  }

  #make(it: Made): boolean {
    this.#made = { it };
    return true;
  }
}
