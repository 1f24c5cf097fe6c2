import { clientOf, OpenLimit } from "../../access/open-limit.ts";
import type { Viewer } from "../../access/viewer.ts";
import { asRequester, currentRequester } from "../../db/requester.ts";
import { rateLimited } from "../../errors.ts";
import type { Clock } from "../clock.ts";
import { Outage, type OutageLogger } from "../outage.ts";
import type { Validity } from "../readers.ts";
import type { Hub } from "./hub.ts";
import { type FrameSource, PacedStream, type PaceSettings } from "./paced-stream.ts";
import { TimerWheel } from "./timer-wheel.ts";

/** The frames of one subscriber. `return()` frees everything at once; the server may end it at any time. */
export type FrameStream<Frame> = AsyncIterableIterator<Frame, undefined, undefined>;

export interface StreamSettings extends PaceSettings {
  /** Streams that one key and client id may have open on this process. */
  readonly streamsPerClient: number;
}

interface Around {
  readonly hub: Hub;
  readonly validity: Validity;
  readonly clock: Clock;
  readonly logger: OutageLogger;
  readonly settings: StreamSettings;
}

interface Source<Frame> extends FrameSource<Frame> {
  onReady(poke: () => void): void;
}

/** All streams that are open in this process. */
export class Streams {
  readonly #hub: Hub;
  readonly #validity: Validity;
  readonly #clock: Clock;
  readonly #settings: StreamSettings;
  readonly #open = new Set<{ end(): void; finish(): void }>();
  readonly #limit: OpenLimit;
  readonly #wheel: TimerWheel;
  /** Of reading the log for those that fell behind. */
  readonly #outage: Outage;
  #closed = false;

  constructor({ hub, validity, clock, logger, settings }: Around) {
    this.#hub = hub;
    this.#validity = validity;
    this.#clock = clock;
    this.#settings = settings;
    this.#limit = new OpenLimit(settings.streamsPerClient);
    this.#wheel = new TimerWheel(clock);
    this.#outage = new Outage(logger, "Reading the log for subscribers that fell behind");
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Opens a stream of what `makeSource` makes, for as long as the viewer may see it.
   * @throws what `makeSource` throws; UNAUTHENTICATED, RATE_LIMITED
   */
  async open<Frame>(viewer: Viewer, makeSource: () => Promise<Source<Frame>>): Promise<FrameStream<Frame>> {
    let over = () => {};
    let isOver = false;
    let release = () => {};
    const leave = this.#limit.enter(clientOf(viewer), (most) => tooManyStreams(most, viewer.client));
    try {
      release = await this.#validity.watch(viewer, () => {
        isOver = true;
        over();
      });
      const source = await this.#ofThisLog(makeSource);
      const stream: PacedStream<Frame> = new PacedStream(
        ofRequest(source),
        {
          clock: this.#clock,
          wheel: this.#wheel,
          pace: this.#settings,
          failed: (error) => this.#outage.failed(error),
        },
        () => {
          release();
          leave();
          this.#open.delete(stream);
        },
      );
      source.onReady(() => stream.poke());
      this.#open.add(stream);
      over = () => stream.end();
      // Both may have come while the source was made.
      if (isOver) stream.end();
      if (this.#closed) stream.finish();
      return stream;
    } catch (error) {
      release();
      leave();
      throw error;
    }
  }

  /** The log can be read. */
  works(): void {
    this.#outage.over();
  }

  /** Ends all at once, without another frame. */
  end(): void {
    for (const stream of [...this.#open]) stream.end();
  }

  /** Ends all, and those that open from here on, each with a last frame to resume from. */
  finish(): void {
    this.#closed = true;
    for (const stream of [...this.#open]) stream.finish();
  }

  close(): void {
    this.#wheel.close();
  }

  /**
   * If the database loses events meanwhile, the source's place belongs to the earlier log, and would skip new events.
   */
  async #ofThisLog<Frame>(makeSource: () => Promise<Source<Frame>>): Promise<Source<Frame>> {
    for (;;) {
      const { generation } = this.#hub;
      const source = await makeSource();
      if (this.#hub.generation === generation) return source;
      source.close();
    }
  }
}

/** Each frame is made for the request that opened the stream, whatever wakes it, and has that request's limits anew. */
function ofRequest<Frame>(source: FrameSource<Frame>): FrameSource<Frame> {
  const requester = currentRequester();
  if (!requester) return source;
  return {
    get ready() {
      return source.ready;
    },
    take() {
      requester.renew();
      return asRequester(requester, () => source.take());
    },
    last: () => source.last(),
    close: () => source.close(),
  };
}

/** Pause before a client that was refused tries again, in milliseconds: a stream that it lost may just be ending. */
const RETRY_MS = 2_000;

function tooManyStreams(limit: number, client: string | null) {
  const who = client === null ? "This key, without a client id," : `Client ${client} of this key`;
  return rateLimited(
    `${who} has ${limit} streams open on this server, which is the limit. Close one, or give each session a client id ` +
      "of its own (the header Docket-Client-Id, clientId in a WebSocket's parameters); whoever runs the server can " +
      "raise DOCKET_STREAMS_PER_CLIENT.",
    { retryable: true, retryAfterMs: RETRY_MS, limit },
  );
}
