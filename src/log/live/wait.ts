import { clientOf, OpenLimit } from "../../access/open-limit.ts";
import type { Viewer } from "../../access/viewer.ts";
import type { Db } from "../../db/database.ts";
import { badInput, cursorExpired, rateLimited, unauthenticated } from "../../errors.ts";
import type { Clock } from "../clock.ts";
import type { Place } from "../read/cursor.ts";
import type { Selection } from "../read/filter.ts";
import type { Validity } from "../readers.ts";
import { EventFeed } from "./event-feed.ts";
import type { EventFrame } from "./frames.ts";
import type { Hub } from "./hub.ts";

/** In seconds. */
const LONGEST_WAIT = 30;
/** Callers of one key and client id that wait at the same time, on one process. */
const MOST_PER_CLIENT = 100;

/** @throws BAD_USER_INPUT for what is no number of seconds that one may wait. */
export function requireWait(waitSeconds: number): void {
  if (Number.isInteger(waitSeconds) && waitSeconds >= 0 && waitSeconds <= LONGEST_WAIT) return;
  throw badInput(`waitSeconds is ${waitSeconds}; it may be 0 to ${LONGEST_WAIT}. Ask again with the page's cursor.`);
}

interface Wait {
  readonly viewer: Viewer;
  readonly selection: Selection;
  /** Nothing selected lies between the caller's cursor and this place. */
  readonly after: Place;
  /** The generation of the hub in which `after` was found. */
  readonly generation: number;
  /** Most events of the answer. */
  readonly most: number;
  /** When the caller gets its answer at the latest, by the clock. */
  readonly until: number;
  /** Aborted when the caller went away. */
  readonly gone: AbortSignal | undefined;
}

interface Surroundings {
  readonly hub: Hub;
  readonly db: Db;
  readonly clock: Clock;
  readonly validity: Validity;
  /** After the first event, how long others of the same burst are waited for, in milliseconds. */
  readonly burstMs: number;
}

/**
 * Readers of history who wait for something to come: a stream of one frame each. They hang on the hub like subscribers,
 * and hold no connection to the database.
 */
export class Waits {
  readonly #around: Surroundings;
  /** Ends one early. */
  readonly #open = new Set<() => void>();
  readonly #limit = new OpenLimit(MOST_PER_CLIENT);
  #closed = false;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Callers that wait. */
  get open(): number {
    return this.#open.size;
  }

  /**
   * The first events after the place, or none once the time is over, the caller is gone or the server stops.
   * @throws UNAUTHENTICATED when the key is revoked or expires, RATE_LIMITED, CURSOR_EXPIRED, DATABASE_UNAVAILABLE
   */
  async next({ viewer, selection, after, generation, most, until, gone }: Wait): Promise<EventFrame> {
    const { hub, db, clock, validity, burstMs } = this.#around;
    let over = this.#closed || gone?.aborted === true || hub.generation !== generation;
    let refused = false;
    let wake = () => {};
    const woken = (afterMs?: number) =>
      new Promise<void>((resolve) => {
        wake = resolve;
        if (afterMs !== undefined) clock.after(afterMs, resolve);
      });
    const end = () => {
      over = true;
      wake();
    };

    using cleanup = new DisposableStack();
    cleanup.defer(this.#limit.enter(clientOf(viewer), tooMany));
    this.#open.add(end);
    cleanup.defer(() => this.#open.delete(end));
    cleanup.defer(clock.after(Math.max(0, until - clock.now()), end));
    gone?.addEventListener("abort", end);
    cleanup.defer(() => gone?.removeEventListener("abort", end));
    const ended = () => {
      refused = true;
      end();
    };
    cleanup.defer(await validity.watch(viewer, ended));
    // The feed finds the events since the caller's page among the process's recent ones, or reads them.
    const feed = new EventFeed(hub, db, clock, selection, after);
    cleanup.defer(() => feed.close());
    feed.onReady(() => wake());

    let frame = over ? feed.last() : await feed.take();
    while (frame.events.length === 0 && !over) {
      if (!feed.ready) {
        await woken();
        if (!over) await woken(burstMs);
      }
      frame = over ? feed.last() : await feed.take();
    }
    if (refused) throw unauthenticated("This key was revoked or expired while it waited.");
    if (hub.generation !== generation) throw cursorExpired("The database lost events at this moment.");
    const last = frame.events[most - 1];
    if (!last || frame.events.length === most) return frame;
    return { events: frame.events.slice(0, most), cursor: hub.codec.encode(last), caughtUp: false };
  }

  /** Ends all that wait now. */
  end(): void {
    for (const end of [...this.#open]) end();
  }

  /** Ends all, and lets nobody wait from here on. */
  close(): void {
    this.#closed = true;
    this.end();
  }
}

const tooMany = (most: number) =>
  rateLimited(
    `This key and client id has ${most} requests waiting for events on this server already. ` +
      "Let some of them end, or give each session a Docket-Client-Id of its own.",
    { retryable: true, retryAfterMs: 1_000, limit: most },
  );
