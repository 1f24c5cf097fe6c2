import { type Context, MessageType } from "graphql-ws";
import type { Connection } from "../connection.ts";
import type { RequestScope } from "../request-scope.ts";
import type { SocketFrames } from "./socket-frames.ts";

/** What a subscription of a WebSocket keeps for as long as its stream is open. */
export interface SocketStream {
  readonly ctx: Context<Record<string, unknown> | undefined, Connection>;
  /** Its client's name for it. */
  readonly id: string;
  readonly scope: RequestScope;
  /** Where its frames go. */
  readonly frames: SocketFrames;
}

/** Why the client is to come back. */
const STREAM_ENDED = "The server has ended a stream: subscribe again.";

/**
 * Streams that run beside graphql-ws. It would keep the message, and all that it made of it, for as long as a stream
 * lasts, for frames that go past it. So it is given a stream that ends at once, without a word to the client; once it
 * has forgotten the message it is given the real one, to end it when the client says so.
 */
export class SocketStreams {
  /** By the scope of the message that opened it, until that is handled. */
  readonly #opened = new Map<RequestScope, SocketStream>();
  readonly #onEnd: (stream: SocketStream) => void;

  /** @param onEnd called at the end of each, whoever ended it. */
  constructor(onEnd: (stream: SocketStream) => void) {
    this.#onEnd = onEnd;
  }

  /** What graphql-ws is given of a stream that was just opened. */
  handOver(stream: SocketStream): AsyncIterableIterator<never, undefined> {
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => {
        this.#opened.set(stream.scope, stream);
        // To an operation that it does not know any more it says no `complete`.
        delete stream.ctx.subscriptions[stream.id];
        return Promise.resolve({ done: true, value: undefined });
      },
      return: () => stream.frames.return(),
    };
  }

  /**
   * Lets the frames come, if the message of the scope opened a stream. To be called in the turn in which graphql-ws is
   * done with the message: the next one of the client may end the stream.
   */
  follow(scope: RequestScope): boolean {
    const stream = this.#opened.get(scope);
    if (!stream) return false;
    this.#opened.delete(scope);
    const { ctx, id, frames } = stream;
    ctx.subscriptions[id] = frames;
    // The last frames of others on the same connection leave first.
    frames.start(() => queueMicrotask(() => this.#end(stream)));
    return true;
  }

  #end(stream: SocketStream): void {
    const { ctx, id, frames } = stream;
    // After `complete` clients stop for good; after this close they come back, and subscribe again.
    if (frames.comesBack) ctx.extra.comeBack(STREAM_ENDED);
    else if (ctx.subscriptions[id] === frames) {
      delete ctx.subscriptions[id];
      void ctx.extra.send(JSON.stringify({ id, type: MessageType.Complete }));
    }
    this.#onEnd(stream);
  }
}
