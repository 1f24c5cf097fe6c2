import type { Db } from "../../db/database.ts";
import type { Clock } from "../clock.ts";
import type { Place } from "../read/cursor.ts";
import type { LoggedEvent } from "../read/event.ts";
import { isSelected, type Selection } from "../read/filter.ts";
import { readPage } from "../read/page.ts";
import type { FrameSource } from "./frame-source.ts";
import { type EventFrame, FrameBudget, MOST_EVENTS } from "./frames.ts";
import type { Feed, Hub } from "./hub.ts";

/**
 * The events of subscribers who stand at one place, from there on.
 *
 * behind: something after its place may not have been sent. It holds no events; each frame is read from the process's
 *   recent events, or from the log where they do not reach back far enough. At the end of the log → live.
 * live: the hub puts what is selected into the queue. More than one frame holds → behind, the queue is dropped: what
 *   a slow client has not taken costs no memory, and nothing is lost.
 */
export class EventFeed implements FrameSource<EventFrame>, Feed {
  readonly selection: Selection;
  readonly #hub: Hub;
  readonly #db: Db;
  readonly #clock: Clock;
  /** All that is selected up to here has been sent. */
  #place: Place;
  #queue: LoggedEvent[] | undefined;
  readonly #most: number;
  #budget: FrameBudget;
  #closed = false;
  #onReady: () => void = () => undefined;

  /** @param most events of a frame. */
  constructor(hub: Hub, db: Db, clock: Clock, selection: Selection, after: Place, most = MOST_EVENTS) {
    this.#hub = hub;
    this.#db = db;
    this.#clock = clock;
    this.selection = selection;
    this.#place = after;
    this.#most = Math.min(most, MOST_EVENTS);
    this.#budget = new FrameBudget(this.#most);
    this.#goLiveAtTheEnd();
  }

  onReady(poke: () => void): void {
    this.#onReady = poke;
  }

  get ready(): boolean {
    return this.#queue === undefined || this.#queue.length > 0;
  }

  get level(): boolean {
    // A place that this process has not read up to is ahead of others: events before it are still to come for those.
    return this.#queue?.length === 0 && this.#place.position <= this.#hub.recent.end.position;
  }

  /** Nobody selected what lies before the queue: the fork begins as late as it can, where less has to be read again. */
  fork(): EventFeed {
    const [next] = this.#queue ?? [];
    const place = next && this.#hub.recent.placeAt(next.position - 1);
    return new EventFeed(this.#hub, this.#db, this.#clock, this.selection, place ?? this.#place, this.#most);
  }

  offer(event: LoggedEvent): void {
    // A subscriber may start at an end of the log that this process has not read yet.
    if (!this.#queue || event.position <= this.#place.position) return;
    if (!this.#budget.admits(event)) {
      this.#queue = undefined;
      this.#hub.detach(this);
    } else if (this.#queue.push(event) === 1) this.#onReady();
  }

  take(): EventFrame | Promise<EventFrame> {
    if (this.#queue) return this.last();
    const recent = this.#hub.recent.after(this.#place.position);
    if (!recent) return this.#read();
    const selected: LoggedEvent[] = [];
    for (const event of recent) {
      if (isSelected(this.selection, event)) selected.push(event);
      if (selected.length > this.#most) break;
    }
    return this.#frame(selected, this.#hub.recent.end);
  }

  last(): EventFrame {
    const { end } = this.#hub.recent;
    const events = this.#queue ?? [];
    if (this.#queue && end.position > this.#place.position) this.#place = end;
    if (this.#queue) this.#queue = [];
    this.#budget = new FrameBudget(this.#most);
    return this.#made(events);
  }

  close(): void {
    this.#closed = true;
    this.#queue = undefined;
    this.#hub.detach(this);
  }

  async #read(): Promise<EventFrame> {
    const page = await readPage(this.#db, this.#clock, this.selection, {
      after: this.#place,
      until: this.#hub.recent.end,
      limit: this.#most,
    });
    return this.#frame(page.events, page.place);
  }

  /** @param place where the log was scanned to for `events`. */
  #frame(events: readonly LoggedEvent[], place: Place): EventFrame {
    const fitting = FrameBudget.fitting(events, this.#most);
    const last = events[fitting - 1];
    this.#place = last && fitting < events.length ? { position: last.position, hash: last.hash } : place;
    this.#goLiveAtTheEnd();
    return this.#made(events.slice(0, fitting));
  }

  #goLiveAtTheEnd(): void {
    // A read that was under way when the subscriber left still comes to its end.
    if (this.#closed || this.#place.position < this.#hub.recent.end.position) return;
    this.#queue = [];
    this.#budget = new FrameBudget(this.#most);
    this.#hub.attach(this);
  }

  #made(events: readonly LoggedEvent[]): EventFrame {
    return { events, cursor: this.#hub.codec.encode(this.#place), caughtUp: this.#queue !== undefined };
  }
}
