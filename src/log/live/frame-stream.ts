import type { Requester } from "../../db/requester.ts";
import type { Audience, Owner, Sink } from "./channel.ts";
import type { FrameSource } from "./frame-source.ts";
import type { Sleeper } from "./timer-wheel.ts";

/** How a stream takes part in a channel. */
export interface Membership {
  /** The client has taken its last frame. */
  want(): void;
  leave(): void;
}

export interface Opened<Frame> {
  readonly requester: Requester | undefined;
  /** Makes it a member of the channel of those who get the same. */
  join<Made>(
    stream: Owner & Sleeper,
    source: FrameSource<Frame>,
    audience: Audience<Frame, Made>,
    sink: Sink<Made>,
  ): Membership;
  /** Called once, whoever ends the stream. */
  onEnd(): void;
}

/** Whoever has called `next`. */
interface Waiter<Frame> {
  readonly promise: Promise<IteratorResult<Frame, undefined>>;
  resolve(result: IteratorResult<Frame, undefined>): void;
}

/** Those who take frames as they are. */
const UNMADE = { key: "", make: <Frame>(frame: Frame) => frame };

/**
 * The frames of one subscriber. They are taken one by one (`next`), or sent to where `join` says as soon as the client
 * has taken the last one. `return()` frees everything at once; the server may end it at any time.
 *
 * As there are thousands, each keeps what it was opened with no longer than it needs that.
 *
 * As an iterator it is not a generator: `return()` of a generator waits for the promise it stands at, and an idle
 * stream's promise may never come, so every disconnect would leak.
 */
export class FrameStream<Frame> implements AsyncIterableIterator<Frame, undefined, undefined>, Owner, Sleeper {
  readonly requester: Requester | undefined;
  readonly #onEnd: () => void;
  /** Where it begins, and how it comes to stand with others, until it does. */
  #beginning: { readonly source: FrameSource<Frame>; readonly join: Opened<Frame>["join"] } | undefined;
  #tellEnd: () => void = NOTHING;
  #membership: Membership | undefined;
  #isOver = false;
  #waiter: Waiter<Frame> | undefined;

  constructor(source: FrameSource<Frame>, { requester, join, onEnd }: Opened<Frame>) {
    this.#beginning = { source, join };
    this.#onEnd = onEnd;
    this.requester = requester;
  }

  /** From here on frames go to `sink`, made once for all that joined with the same key of an audience. */
  join<Made>(audience: Audience<Frame, Made>, sink: Sink<Made>): void {
    if (this.#isOver) return;
    const beginning = this.#beginning;
    if (!beginning) throw new Error("The frames of a stream go to one place only");
    this.#beginning = undefined;
    this.#membership = beginning.join(this, beginning.source, audience, sink);
  }

  /** Calls `tell` once nothing comes any more. */
  whenEnded(tell: () => void): void {
    if (this.#isOver) tell();
    else this.#tellEnd = tell;
  }

  /** The client of the sink has taken its last frame. */
  want(): void {
    this.#membership?.want();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Frame, undefined>> {
    if (this.#waiter) return this.#waiter.promise.then(() => this.next());
    if (!this.#membership) this.join(UNMADE, this.#taker());
    if (this.#isOver) return DONE;
    const waiter: Waiter<Frame> = Promise.withResolvers<IteratorResult<Frame, undefined>>();
    this.#waiter = waiter;
    this.want();
    return waiter.promise;
  }

  return(): Promise<IteratorResult<Frame, undefined>> {
    this.end();
    return DONE;
  }

  throw(error: unknown): Promise<IteratorResult<Frame, undefined>> {
    this.end();
    return Promise.reject(error);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#membership?.leave();
    this.#beginning?.source.close();
    this.#onEnd();
    this.#waiter?.resolve({ done: true, value: undefined });
    this.#waiter = undefined;
    this.#tellEnd();
  }

  /** Nobody has asked for anything since it was opened. */
  wake(): void {
    this.end();
  }

  #taker(): Sink<Frame> {
    const stream = this;
    return {
      get taken() {
        return stream.#waiter !== undefined;
      },
      send(value) {
        const waiter = stream.#waiter;
        stream.#waiter = undefined;
        waiter?.resolve({ done: false, value });
      },
    };
  }
}

const NOTHING = () => undefined;
const DONE: Promise<IteratorResult<never, undefined>> = Promise.resolve({ done: true, value: undefined });
