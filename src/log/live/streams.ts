import { clientOf, OpenLimit } from "../../access/open-limit.ts";
import type { Viewer } from "../../access/viewer.ts";
import { currentRequester } from "../../db/requester.ts";
import { forbidden, rateLimited } from "../../errors.ts";
import type { Clock } from "../clock.ts";
import { Outage, type OutageLogger } from "../outage.ts";
import type { Validity } from "../readers.ts";
import { type Audience, Channel, type Owner, type Sink, type Surroundings } from "./channel.ts";
import type { FrameSource } from "./frame-source.ts";
import { FrameStream, type Membership, type Opened } from "./frame-stream.ts";
import type { Hub } from "./hub.ts";
import type { PaceSettings } from "./pace.ts";
import { SendQueue } from "./send-queue.ts";
import { type Sleeper, TimerWheel } from "./timer-wheel.ts";

export interface StreamSettings extends PaceSettings {
  /** Streams that one key and client id may have open on this process; 0: there are none. */
  readonly streamsPerClient: number;
}

interface Around {
  readonly hub: Hub;
  readonly validity: Validity;
  readonly clock: Clock;
  readonly logger: OutageLogger;
  readonly settings: StreamSettings;
}

/** What somebody asks to follow. */
interface Following<Frame> {
  readonly source: FrameSource<Frame>;
  /** Sources of the same key give the same from a place on. */
  readonly key: string;
}

/** How long a server that stops lets last frames be sent, in milliseconds. */
const GOODBYE_MS = 3_000;

/** All streams that are open in this process. */
export class Streams {
  readonly #hub: Hub;
  readonly #validity: Validity;
  readonly #clock: Clock;
  readonly #surroundings: Surroundings;
  readonly #open = new Set<Owner>();
  /** By what their members get: of one key, all have the same types of frames. */
  readonly #channels = new Map<string, Channel<never, never>>();
  readonly #limit: OpenLimit;
  readonly #wheel: TimerWheel;
  /** Of reading the log for those that fell behind. */
  readonly #outage: Outage;
  #closed = false;

  constructor({ hub, validity, clock, logger, settings }: Around) {
    this.#hub = hub;
    this.#validity = validity;
    this.#clock = clock;
    this.#limit = new OpenLimit(settings.streamsPerClient);
    this.#wheel = new TimerWheel(clock);
    this.#outage = new Outage(logger, "Reading the log for subscribers that fell behind");
    this.#surroundings = {
      clock,
      wheel: this.#wheel,
      queue: new SendQueue(),
      pace: settings,
      failed: (error) => this.#outage.failed(error),
    };
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Opens a stream of what `follow` finds, for as long as the viewer may see it.
   * @throws what `follow` throws; UNAUTHENTICATED, RATE_LIMITED, FORBIDDEN where there are no streams
   */
  async open<Frame>(viewer: Viewer, follow: () => Promise<Following<Frame>>): Promise<FrameStream<Frame>> {
    const admission: Admission = {
      isOver: false,
      stream: undefined,
      release: () => undefined,
      leave: this.#limit.enter(clientOf(viewer), (most) => tooManyStreams(most, viewer.client)),
    };
    try {
      admission.release = await this.#validity.watch(viewer, () => {
        admission.isOver = true;
        admission.stream?.end();
      });
      const { source, key } = await this.#ofThisLog(follow);
      const stream = new FrameStream<Frame>(source, {
        requester: currentRequester(),
        join: this.#entrance<Frame>(key),
        onEnd: this.#exit(admission),
      });
      admission.stream = stream;
      this.#open.add(stream);
      this.#wheel.set(stream, this.#clock.now() + this.#surroundings.pace.stallMs);
      // Its end may have come while the source was made.
      if (admission.isOver) stream.end();
      return stream;
    } catch (error) {
      admission.release();
      admission.leave();
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

  /**
   * Ends all, and those that open from here on, each with a last frame to resume from.
   * @returns when what could be sent has left.
   */
  async finish(): Promise<void> {
    this.#closed = true;
    const sent = Promise.all([...this.#channels.values()].map((channel) => channel.finish()));
    const enough = Promise.withResolvers<void>();
    const forget = this.#clock.after(GOODBYE_MS, enough.resolve);
    await Promise.race([sent, enough.promise]);
    forget();
  }

  close(): void {
    this.#wheel.close();
  }

  // Functions of their own, so that a stream keeps nothing else of what opening it took.

  #entrance<Frame>(key: string): Opened<Frame>["join"] {
    return (stream, from, audience, sink) => {
      this.#wheel.clear(stream);
      const channel = this.#channel(`${audience.key}\n${key}`, audience);
      channel.join(sink, from, stream);
      if (this.#closed) void channel.finish();
      return new Member(channel, sink);
    };
  }

  #exit(admission: Admission): () => void {
    return () => {
      const { stream, release, leave } = admission;
      if (stream) this.#wheel.clear(stream);
      if (stream) this.#open.delete(stream);
      release();
      leave();
    };
  }

  #channel<Frame, Made>(id: string, audience: Audience<Frame, Made>): Channel<Frame, Made> {
    const known = this.#channels.get(id) as Channel<Frame, Made> | undefined;
    if (known) return known;
    const channel = new Channel(audience, this.#surroundings, () => this.#channels.delete(id));
    this.#channels.set(id, channel as Channel<never, never>);
    return channel;
  }

  /**
   * If the database loses events meanwhile, the source's place belongs to the earlier log, and would skip new events.
   */
  async #ofThisLog<Frame>(follow: () => Promise<Following<Frame>>): Promise<Following<Frame>> {
    for (;;) {
      const { generation } = this.#hub;
      const following = await follow();
      if (this.#hub.generation === generation) return following;
      following.source.close();
    }
  }
}

/** A stream on its way in, and while it is open. */
interface Admission {
  /** Whether its viewer may see nothing any more. */
  isOver: boolean;
  stream: (Owner & Sleeper) | undefined;
  /** Ends watching whether the viewer may go on. */
  release: () => void;
  /** Counts it off for its client. */
  readonly leave: () => void;
}

class Member<Frame, Made> implements Membership {
  readonly #channel: Channel<Frame, Made>;
  readonly #sink: Sink<Made>;

  constructor(channel: Channel<Frame, Made>, sink: Sink<Made>) {
    this.#channel = channel;
    this.#sink = sink;
  }

  want(): void {
    this.#channel.want(this.#sink);
  }

  leave(): void {
    this.#channel.leave(this.#sink);
  }
}

/** Pause before a client that was refused tries again, in milliseconds: a stream that it lost may just be ending. */
const RETRY_MS = 2_000;

function tooManyStreams(limit: number, client: string | null) {
  // Not RATE_LIMITED: a client would try again for ever.
  if (limit === 0)
    return forbidden(
      "Live delivery is switched off on this server (DOCKET_STREAMS_PER_CLIENT=0). Ask for events by the query `events`, " +
        "which waits for new ones with waitSeconds.",
    );
  const who = client === null ? "This key, without a client id," : `Client ${client} of this key`;
  return rateLimited(
    `${who} has ${limit} streams open on this server, which is the limit. Close one, or give each session a client id ` +
      "of its own (the header Docket-Client-Id, clientId in a WebSocket's parameters); whoever runs the server can " +
      "raise DOCKET_STREAMS_PER_CLIENT.",
    { retryable: true, retryAfterMs: RETRY_MS, limit },
  );
}
