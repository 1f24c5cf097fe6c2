import type { Viewer } from "../access/viewer.ts";
import type { Database } from "../db/database.ts";
import { badInput } from "../errors.ts";
import { type Clock, systemClock } from "./clock.ts";
import { EventFeed } from "./live/event-feed.ts";
import type { FrameStream } from "./live/frame-stream.ts";
import type { EventFrame, StatusFrame } from "./live/frames.ts";
import { Hub } from "./live/hub.ts";
import { Listener, type ListenerSettings } from "./live/listener.ts";
import { Pages } from "./live/pages.ts";
import { Places } from "./live/places.ts";
import { StatusFeed } from "./live/status-feed.ts";
import { type StreamSettings, Streams } from "./live/streams.ts";
import { Tail, type TailSettings } from "./live/tail.ts";
import { Waits } from "./live/wait.ts";
import type { OutageLogger } from "./outage.ts";
import { CursorCodec } from "./read/cursor.ts";
import type { LoggedEvent } from "./read/event.ts";
import { type EventFilter, keyOf, selectionOf } from "./read/filter.ts";
import type { EventPage, EventsQuery, HistoryQuery, SubjectKey } from "./read/history.ts";
import { readHead } from "./read/page.ts";
import type { Validity, Visibility } from "./readers.ts";
import { Drain, type DrainSettings } from "./write/drain.ts";

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
   * Events in the order of the log, from the oldest kept or after a cursor, or newest first from the end or before one;
   * the caller's own writes are among them.
   * Where there are none, it waits until some come or the time is over; no connection to the database is held meanwhile.
   * @throws BAD_USER_INPUT, PROJECT_NOT_FOUND, CURSOR_EXPIRED, DATABASE_UNAVAILABLE; UNAUTHENTICATED and RATE_LIMITED
   *   when it would wait
   */
  events(viewer: Viewer, query: EventsQuery): Promise<EventPage>;

  /**
   * What happened to each of the subjects of one type, oldest first, as `events` would answer for it; read in one
   * statement. Whether they may be seen is the caller's to know.
   * @throws BAD_USER_INPUT, CURSOR_EXPIRED, DATABASE_UNAVAILABLE
   */
  histories(type: string, subjects: readonly SubjectKey[], query: HistoryQuery): Promise<EventPage[]>;

  /** The same of each project: whatever happened in it. */
  historiesOfProjects(projectIds: readonly string[], query: HistoryQuery): Promise<EventPage[]>;

  /** The cursor after the event, which `find` finds it by, also on other servers of the same database. */
  idOf(event: LoggedEvent): string;
  /** The events of these ids that the viewer may see, in their order; null where there is none, or it is no longer kept. */
  find(viewer: Viewer, ids: readonly string[]): Promise<(LoggedEvent | null)[]>;

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

  /** Calls `listener` with events that have come: each event of the log once, in order. The answer stops that. */
  onEvents(listener: (events: readonly LoggedEvent[]) => void): () => void;
  /**
   * Calls `listener` when something may be due earlier than was known, and no event tells of it. The answer stops that.
   */
  onDue(listener: () => void): () => void;

  /** Streams open in this process. */
  readonly streams: number;
  /** Milliseconds after which a client that takes nothing is cut off. */
  readonly stallMs: number;
  /** Callers of `events` that wait. */
  readonly waiting: number;

  /** Ends all streams, each with a last frame to resume from; then drains a last time. Close it before the database. */
  close(): Promise<void>;
}

export interface LogSettings extends DrainSettings, ListenerSettings, TailSettings, StreamSettings {}

const LOG_DEFAULTS: LogSettings = {
  drainDelayMs: 3,
  drainPauseMs: 25,
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
  readonly visibility: Visibility;
  readonly validity: Validity;
  readonly settings?: Partial<LogSettings>;
  readonly clock?: Clock;
}

/** @throws DATABASE_UNAVAILABLE when the log cannot be read at the start; later outages are waited out. */
export async function openLog(options: LogOptions): Promise<Log> {
  const { database, listenUrl, logger, visibility, validity, clock = systemClock } = options;
  const settings = { ...LOG_DEFAULTS, ...options.settings };
  const { cursorKey, ...begin } = await readHead(database);
  const hub = new Hub(new CursorCodec(cursorKey), begin);
  const streams = new Streams({ hub, validity, clock, logger, settings });
  const waits = new Waits({ hub, db: database, clock, validity, burstMs: settings.frameIntervalMs });
  const listeners = new Set<(events: readonly LoggedEvent[]) => void>();
  const dueListeners = new Set<() => void>();
  const tail = new Tail(database, clock, logger, settings, begin, {
    publish(events) {
      streams.works();
      validity.observe(events);
      hub.publish(events);
      for (const listener of listeners) listener(events);
    },
    async rewind() {
      const { cursorKey: key, ...end } = await readHead(database);
      logger.error({ position: end.position }, "The database lost events that were delivered: all streams end");
      streams.end();
      waits.end();
      hub.restart(new CursorCodec(key), end);
      return end;
    },
  });
  const hint = (position: number) => tail.hint(position);
  const drain = new Drain(database, clock, logger, settings, hint);
  const listener = new Listener(listenUrl, clock, logger, settings, {
    onHead: hint,
    onDue() {
      for (const heard of dueListeners) heard();
    },
  });
  const places = new Places(database, hub, drain);

  const select = (viewer: Viewer, filter: EventFilter) =>
    selectionOf(filter, (named) => visibility.visibleTo(viewer, named));
  const pages = new Pages({ db: database, clock, hub, places, waits, select });

  return {
    cursor: async () => hub.codec.encode(await places.now()),

    events: (viewer, query) => pages.events(viewer, query),
    histories: (type, subjects, query) => pages.histories(type, subjects, query),
    historiesOfProjects: (projectIds, query) => pages.historiesOfProjects(projectIds, query),
    find: (viewer, ids) => pages.find(viewer, ids),

    // The place after an event proves by its hash that it is of this event.
    idOf: (event) => hub.codec.encode(event),

    follow: (viewer, { filter, after, most }) =>
      streams.open(viewer, async () => {
        if (filter.since != null || filter.until != null)
          throw badInput("since and until are for the query events: a stream begins now, or behind its cursor.");
        const selection = await select(viewer, filter);
        const from = after === null ? await places.now() : await places.of(after);
        return {
          source: new EventFeed(hub, database, clock, selection, from, most),
          key: JSON.stringify(["events", keyOf(selection), most]),
        };
      }),

    watchProjects: (viewer, projects) =>
      streams.open(viewer, async () => {
        const selection = { ...(await select(viewer, { projects })), server: false };
        const first = async () => projects ?? visibility.inOverview(selection.projects);
        const key = JSON.stringify(["status", keyOf(selection), projects]);
        return { source: new StatusFeed(hub, selection, first), key };
      }),

    whileValid: (viewer, onEnd) => validity.watch(viewer, onEnd),

    onEvents(heard) {
      listeners.add(heard);
      return () => void listeners.delete(heard);
    },

    onDue(heard) {
      dueListeners.add(heard);
      return () => void dueListeners.delete(heard);
    },

    get streams() {
      return streams.size;
    },

    stallMs: settings.stallMs,

    get waiting() {
      return waits.open;
    },

    async close() {
      waits.close();
      await Promise.all([streams.finish(), listener.close(), drain.close(), tail.close()]);
      streams.close();
    },
  };
}
