import { DocketError } from "../../errors.ts";
import type { Clock } from "../clock.ts";
import type { Sleeper, TimerWheel } from "./timer-wheel.ts";

/** What a stream sends: an event feed or a status feed. */
export interface FrameSource<Frame> {
  /** Whether there is something to send. When it turns true, the source calls the stream's `poke`. */
  readonly ready: boolean;
  /** The next frame; an empty one, with the cursor of now, when nothing is ready. */
  take(): Frame | Promise<Frame>;
  /** The last frame of a stream that the server ends: what is at hand, without asking the database. */
  last(): Frame;
  /** Frees everything. Nothing is asked of the source after this. */
  close(): void;
}

/** All in milliseconds. */
export interface PaceSettings {
  /** The least time between two frames: events that come meanwhile share the next one. */
  readonly frameIntervalMs: number;
  /** An empty frame follows after this long without any, as a sign of life that clients can see. */
  readonly idleFrameMs: number;
  /** A client that has not taken its last frame for so long is cut off; it resumes from that frame's cursor. */
  readonly stallMs: number;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly pace: PaceSettings;
  /** Told of a frame that could not be made (the database is away); it is tried again. */
  failed(error: unknown): void;
}

/** Pause before a frame that could not be made is tried again, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * The frames of one subscriber, as an async iterator that is not a generator: `return()` of a generator waits for the
 * promise it stands at, and an idle stream's promise may never come, so every disconnect would leak.
 *
 * open → ended by return() or end(): frees everything at once.
 * open → closing by finish(): one last frame, then ended.
 */
export class PacedStream<Frame> implements AsyncIterableIterator<Frame, undefined, undefined>, Sleeper {
  readonly #source: FrameSource<Frame>;
  readonly #around: Surroundings;
  readonly #onEnd: () => void;
  #state: "open" | "closing" | "ended" = "open";
  #waiter: PromiseWithResolvers<IteratorResult<Frame, undefined>> | undefined;
  #taking = false;
  /** The first frame comes at once, and says from where on the stream is live. */
  #first = true;
  /** When the last frame was sent, was asked for, or failed. */
  #since: number;
  #notBefore: number;

  /** @param onEnd called once, whoever ends the stream. */
  constructor(source: FrameSource<Frame>, around: Surroundings, onEnd: () => void) {
    this.#source = source;
    this.#around = around;
    this.#onEnd = onEnd;
    this.#since = around.clock.now();
    this.#notBefore = this.#since;
    this.#sleep();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Frame, undefined>> {
    if (this.#waiter) return this.#waiter.promise.then(() => this.next());
    if (this.#state === "ended") return DONE;
    if (this.#state === "closing") {
      const frame = this.#source.last();
      this.end();
      return Promise.resolve({ done: false, value: frame });
    }
    this.#waiter = Promise.withResolvers();
    const { promise } = this.#waiter;
    this.wake();
    return promise;
  }

  return(): Promise<IteratorResult<Frame, undefined>> {
    this.end();
    return DONE;
  }

  throw(error: unknown): Promise<IteratorResult<Frame, undefined>> {
    this.end();
    return Promise.reject(error);
  }

  /** Ends the stream at once, without another frame. */
  end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#around.wheel.clear(this);
    this.#source.close();
    this.#waiter?.resolve({ done: true, value: undefined });
    this.#waiter = undefined;
    this.#onEnd();
  }

  /** Ends the stream after a last frame with the cursor to resume from. */
  finish(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#around.wheel.clear(this);
    // A frame that is being read from the log would come too late; its events are behind the last cursor.
    if (!this.#waiter) return;
    this.#send(this.#source.last());
    this.end();
  }

  /** The source has become ready. The frame is made by the wheel: more may come in the same batch. */
  poke(): void {
    if (this.#state === "open" && this.#waiter && !this.#taking) this.#sleep();
  }

  /** It is time. */
  wake(): void {
    if (this.#state !== "open" || this.#taking) return;
    const now = this.#around.clock.now();
    if (!this.#waiter) {
      if (now >= this.#since + this.#around.pace.stallMs) this.end();
      else this.#sleep();
    } else if (now >= this.#dueAt()) this.#take();
    else this.#sleep();
  }

  #dueAt(): number {
    const { idleFrameMs } = this.#around.pace;
    return this.#first || this.#source.ready ? this.#notBefore : Math.max(this.#notBefore, this.#since + idleFrameMs);
  }

  #sleep(): void {
    this.#around.wheel.set(this, this.#waiter ? this.#dueAt() : this.#since + this.#around.pace.stallMs);
  }

  #take(): void {
    try {
      const frame = this.#source.take();
      if (!(frame instanceof Promise)) {
        this.#send(frame);
        return;
      }
      this.#taking = true;
      frame.then(
        (made) => {
          this.#taking = false;
          if (this.#state === "open") this.#send(made);
        },
        (error: unknown) => {
          this.#taking = false;
          this.#retry(error);
        },
      );
    } catch (error) {
      this.#retry(error);
    }
  }

  #send(value: Frame): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    this.#first = false;
    this.#since = this.#around.clock.now();
    this.#notBefore = this.#since + this.#around.pace.frameIntervalMs;
    if (this.#state === "open") this.#sleep();
    waiter?.resolve({ done: false, value });
  }

  #retry(error: unknown): void {
    if (this.#state !== "open") return;
    // Its place was taken out of the log: nothing can follow, and a client that resumes is told so.
    if (error instanceof DocketError && error.code === "CURSOR_EXPIRED") {
      this.end();
      return;
    }
    this.#around.failed(error);
    this.#notBefore = this.#around.clock.now() + RETRY_MS;
    this.#sleep();
  }
}

const DONE: Promise<IteratorResult<never, undefined>> = Promise.resolve({ done: true, value: undefined });
