import type { GraphQLError } from "graphql";
import type { Sink } from "../../log/live/channel.ts";
import type { FrameStream } from "../../log/live/frame-stream.ts";
import type { PresentError } from "../present-error.ts";
import { inScope, type RequestScope } from "../request-scope.ts";
import type { Rendering } from "./rendering.ts";

/** The stream of a subscription, without its frames: these go to the client by a shorter way. */
type Silence = AsyncIterableIterator<never, undefined>;

/**
 * One client of a subscription. Its frames are written by the channel that makes them, from when its stream is asked for
 * the first time; what GraphQL's libraries are given is itself as a stream that brings nothing, and ends when this does.
 *
 * A frame that failed is the last: what it should have brought must come again, and the cursors of frames after it would
 * leave that out.
 */
export abstract class FrameClient implements Sink<Rendering>, Silence {
  readonly #scope: RequestScope;
  readonly #present: PresentError;
  #stream: FrameStream<unknown> | undefined;
  #isWaiting = false;
  /**
   * Whether the client is to subscribe again, once the stream is over: when it ends by itself, as no subscription has an
   * end of its own, and after a failure that trying again may mend.
   */
  comesBack = true;

  constructor(scope: RequestScope, present: PresentError) {
    this.#scope = scope;
    this.#present = present;
  }

  /** @returns whether the frame has left; if not, `hasLeft` is called once it has. */
  protected abstract write(rendering: Rendering, errors: readonly GraphQLError[]): boolean;

  get taken(): boolean {
    return this.#isWaiting;
  }

  send(rendering: Rendering): void {
    const errors = rendering.errors.length === 0 ? [] : inScope(this.#scope, () => rendering.errors.map(this.#present));
    this.#isWaiting = this.write(rendering, errors);
    if (rendering.isShown) return;
    this.comesBack = errors.every(({ extensions }) => extensions["retryable"] === true);
    this.#stream?.end();
  }

  /** Whether it has a stream. */
  get streams(): boolean {
    return this.#stream !== undefined;
  }

  /** The stream whose frames it gets. */
  begin(stream: FrameStream<unknown>): void {
    this.#stream = stream;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** From here on it gets frames. Resolves when its stream ends. */
  next(): Promise<IteratorReturnResult<undefined>> {
    return new Promise((resolve) => this.start(() => resolve(OVER)));
  }

  /** The client wants no more. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.comesBack = false;
    this.#stream?.end();
    return Promise.resolve(OVER);
  }

  /** From here on it gets frames. @param over called when its stream ends. */
  start(over: () => void): void {
    this.#stream?.whenEnded(over);
    this.hasLeft();
  }

  protected hasLeft(): void {
    this.#isWaiting = true;
    this.#stream?.want();
  }
}

const OVER = { done: true, value: undefined } as const;
