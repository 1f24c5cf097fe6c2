import { clientOf, OpenLimit } from "../access/open-limit.ts";
import type { Viewer } from "../access/viewer.ts";
import type { Database } from "../db/database.ts";
import { asRequester, currentRequester } from "../db/requester.ts";
import { cursorExpired, rateLimited } from "../errors.ts";
import { type Clock, systemClock } from "./clock.ts";
import { EventFeed } from "./live/event-feed.ts";
import type { EventFrame, StatusFrame } from "./live/frames.ts";
import { Hub } from "./live/hub.ts";
import { Listener, type ListenerSettings } from "./live/listener.ts";
import { type FrameSource, PacedStream, type PaceSettings } from "./live/paced-stream.ts";
import { StatusFeed } from "./live/status-feed.ts";
import { Tail, type TailSettings } from "./live/tail.ts";
import { TimerWheel } from "./live/timer-wheel.ts";
import { ViewerValidity } from "./live/viewer-validity.ts";
import { requireWait, Waits } from "./live/wait.ts";
import { Outage, type OutageLogger } from "./outage.ts";
import { CursorCodec, type Place } from "./read/cursor.ts";
import { type EventFilter, selectFor } from "./read/filter.ts";
import {
  type EventPage,
  type EventsQuery,
  type HistoryQuery,
  readHistories,
  requireFirst,
  type TaskKey,
} from "./read/history.ts";
import { type Page, placeAt, readHead, readPage } from "./read/page.ts";
import { Drain, type DrainSettings } from "./write/drain.ts";

/** The frames of one subscriber. `return()` frees everything at once; the server may end it at any time. */
export type FrameStream<Frame> = AsyncIterableIterator<Frame, undefined, undefined>;

export interface FollowQuery {
  readonly filter: EventFilter;
  /** A cursor; null: from now on. */
  readonly after: string | null;
  /** Most events of a frame, at most and by default 1,000. */
  readonly most?: number;
}

/** What has happened: one per process, for everyone who reads history or watches. */
export interface Log {
  /** The cursor of now: everything committed before the call lies before it. @throws DATABASE_UNAVAILABLE */
  cursor(): Promise<string>;

  /**
   * Events in the order of the log, from the oldest kept or after a cursor; the caller's own writes are among them.
   * Where there are none, it waits until some come or the time is over; no connection to the database is held meanwhile.
   * @throws BAD_USER_INPUT, PROJECT_NOT_FOUND, CURSOR_EXPIRED, DATABASE_UNAVAILABLE; UNAUTHENTICATED and RATE_LIMITED
   *   when it would wait
   */
  events(viewer: Viewer, query: EventsQuery): Promise<EventPage>;

  /**
   * What happened to each of the tasks, oldest first, as `events` would answer for it; read in one statement. Whether
   * they may be seen is the caller's to know.
   * @throws BAD_USER_INPUT, CURSOR_EXPIRED, DATABASE_UNAVAILABLE
   */
  histories(tasks: readonly TaskKey[], query: HistoryQuery): Promise<EventPage[]>;

  /**
   * Frames of events from now on, or after a cursor: each selected event once, in order. Ends when the viewer's key is
   * revoked or expires, when the client does not take its frames, and when the server stops.
   * @throws BAD_USER_INPUT, PROJECT_NOT_FOUND, CURSOR_EXPIRED, UNAUTHENTICATED, RATE_LIMITED, DATABASE_UNAVAILABLE
   */
  follow(viewer: Viewer, query: FollowQuery): Promise<FrameStream<EventFrame>>;

  /**
   * First all watched projects, then those that changed. Ends as `follow` does.
   * @throws BAD_USER_INPUT, PROJECT_NOT_FOUND, UNAUTHENTICATED, RATE_LIMITED, DATABASE_UNAVAILABLE
   */
  watchProjects(viewer: Viewer, projects: readonly string[] | null): Promise<FrameStream<StatusFrame>>;

  /**
   * Calls `onEnd` when the viewer's key is revoked or expires, for a connection to end with it. The answer stops that.
   * @throws UNAUTHENTICATED when that is so already.
   */
  whileValid(viewer: Viewer, onEnd: () => void): Promise<() => void>;

  /** Calls `listener` when events have come; a hint, as more may come before it is heard. The answer stops that. */
  onEvents(listener: () => void): () => void;

  /** Streams open in this process. */
  readonly streams: number;
  /** Milliseconds after which a client that takes nothing is cut off. */
  readonly stallMs: number;
  /** Callers of `events` that wait. */
  readonly waiting: number;

  /** Ends all streams, each with a last frame to resume from; then drains a last time. Close it before the database. */
  close(): Promise<void>;
}

export interface LogSettings extends DrainSettings, ListenerSettings, TailSettings, PaceSettings {
  /** Streams that one key and client id may have open on this process. */
  readonly streamsPerClient: number;
}

const LOG_DEFAULTS: LogSettings = {
  drainDelayMs: 3,
  drainIntervalMs: 250,
  pollMs: 500,
  heartbeatMs: 5_000,
  reconnectMs: 500,
  frameIntervalMs: 100,
  idleFrameMs: 15_000,
  stallMs: 60_000,
  streamsPerClient: 3,
};

export interface LogOptions {
  readonly database: Database;
  /** URL for the connection that listens, outside the pool. */
  readonly listenUrl: string;
  readonly logger: OutageLogger;
  readonly settings?: Partial<LogSettings>;
  readonly clock?: Clock;
}

/** @throws DATABASE_UNAVAILABLE when the log cannot be read at the start; later outages are waited out. */
export async function openLog({
  database,
  listenUrl,
  logger,
  settings,
  clock = systemClock,
}: LogOptions): Promise<Log> {
  const all = { ...LOG_DEFAULTS, ...settings };
  const { cursorKey, ...place } = await readHead(database);
  const streams = new Set<{ end(): void; finish(): void }>();
  const limit = new OpenLimit(all.streamsPerClient);
  const listeners = new Set<() => void>();
  let closed = false;
  const hub = new Hub(new CursorCodec(cursorKey), place);
  const validity = new ViewerValidity(database, clock, logger);
  const wheel = new TimerWheel(clock);
  const frames = new Outage(logger, "Reading the log for subscribers that fell behind");
  const waits = new Waits({ hub, db: database, clock, validity, burstMs: all.frameIntervalMs });
  const around = { clock, wheel, pace: all, failed: (error: unknown) => frames.failed(error) };

  const tail = new Tail(database, clock, logger, all, place, {
    publish(events) {
      frames.over();
      validity.observe(events);
      hub.publish(events);
      for (const listener of listeners) listener();
    },
    async rewind() {
      const { cursorKey: key, ...now } = await readHead(database);
      logger.error({ position: now.position }, "The database lost events that were delivered: all streams end");
      for (const stream of [...streams]) stream.end();
      waits.end();
      hub.restart(new CursorCodec(key), now);
      return now;
    },
  });
  const hint = (position: number) => tail.hint(position);
  const drain = new Drain(database, clock, logger, all, hint);
  const listener = new Listener(listenUrl, clock, logger, all, hint);

  /** The end of the log, past everything committed before the call. */
  async function end(): Promise<Place> {
    const position = await drain.now();
    const found = hub.recent.placeAt(position) ?? (await placeAt(database, position));
    if (!found) throw cursorExpired("The database lost events at this moment.");
    return found;
  }

  async function placeOf(cursor: string): Promise<Place> {
    const claimed = hub.codec.decode(cursor);
    const found = hub.recent.placeAt(claimed.position) ?? (await placeAt(database, claimed.position));
    // A position that was never given, and a hash that differs, both come from another log than this one is now.
    if (!found?.hash.equals(claimed.hash))
      throw cursorExpired(
        "This cursor is not in the log: it is older than what is kept, or the database was restored.",
      );
    return found;
  }

  function answer({ events, place }: Page, until: Place): EventPage {
    return { events, cursor: hub.codec.encode(place), caughtUp: place.position >= until.position };
  }

  async function open<Frame>(viewer: Viewer, makeSource: () => Promise<Source<Frame>>): Promise<FrameStream<Frame>> {
    let over = () => {};
    let isOver = false;
    let release = () => {};
    const leave = limit.enter(clientOf(viewer), (most) => tooManyStreams(most, viewer.client));
    try {
      release = await validity.watch(viewer, () => {
        isOver = true;
        over();
      });
      let generation = hub.generation;
      let source = await makeSource();
      // The database lost events meanwhile: this source's place is in the log of before, and would skip new events.
      while (hub.generation !== generation) {
        source.close();
        generation = hub.generation;
        source = await makeSource();
      }
      const stream: PacedStream<Frame> = new PacedStream(ofRequest(source), around, () => {
        release();
        leave();
        streams.delete(stream);
      });
      source.onReady(() => stream.poke());
      streams.add(stream);
      over = () => stream.end();
      // Both may have come while the source was made.
      if (isOver) stream.end();
      if (closed) stream.finish();
      return stream;
    } catch (error) {
      release();
      leave();
      throw error;
    }
  }

  return {
    cursor: async () => hub.codec.encode(await end()),

    async events(viewer, { filter, after, first, payload, waitSeconds = 0, gone }) {
      requireFirst(first);
      requireWait(waitSeconds);
      const answerAt = clock.now() + waitSeconds * 1000;
      const { generation } = hub;
      const selection = await selectFor(database, viewer, filter);
      const from = after === null ? null : await placeOf(after);
      const until = await end();
      const page = await readPage(database, clock, selection, { after: from, until, limit: first, payload });
      if (page.events.length > 0 || waitSeconds === 0) return answer(page, until);
      return waits.next({ viewer, selection, after: page.place, generation, most: first, until: answerAt, gone });
    },

    async histories(tasks, { after, first, payload }) {
      requireFirst(first);
      const from = after === null ? null : await placeOf(after);
      const until = await end();
      const pages = await readHistories(database, tasks, { after: from, until, limit: first, payload });
      return pages.map((page) => answer(page, until));
    },

    follow: (viewer, { filter, after, most }) =>
      open(viewer, async () => {
        const selection = await selectFor(database, viewer, filter);
        const from = after === null ? await end() : await placeOf(after);
        return new EventFeed(hub, database, clock, selection, from, most);
      }),

    watchProjects: (viewer, projects) =>
      open(viewer, async () => {
        const selection = await selectFor(database, viewer, { projects });
        return new StatusFeed(hub, database, { ...selection, server: false }, projects);
      }),

    whileValid: (viewer, onEnd) => validity.watch(viewer, onEnd),

    onEvents(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },

    get streams() {
      return streams.size;
    },

    stallMs: all.stallMs,

    get waiting() {
      return waits.open;
    },

    async close() {
      closed = true;
      for (const stream of [...streams]) stream.finish();
      waits.close();
      await Promise.all([listener.close(), drain.close(), tail.close()]);
      validity.close();
      wheel.close();
    },
  };
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

interface Source<Frame> extends FrameSource<Frame> {
  onReady(poke: () => void): void;
}

/** Before a client that was refused tries again, in milliseconds: a stream that it lost may just be ending. */
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
