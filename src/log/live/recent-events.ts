import type { Place } from "../read/cursor.ts";
import type { LoggedEvent } from "../read/event.ts";

const MOST_EVENTS = 5_000;
/** In characters of payload. */
const MOST_SIZE = 16_000_000;

/** The newest events, kept once per process: a reader that fell behind a little, or comes back soon, needs no query. */
export class RecentEvents {
  #events: LoggedEvent[] = [];
  #size = 0;
  /** The place before the oldest event kept. */
  #from: Place;
  #end: Place;

  constructor(from: Place) {
    this.#from = from;
    this.#end = from;
  }

  /** The place after the newest event. */
  get end(): Place {
    return this.#end;
  }

  /** Adds what follows, without a hole. */
  add(events: readonly LoggedEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#size += event.size;
    }
    const last = events.at(-1);
    if (last) this.#end = { position: last.position, hash: last.hash };
    this.#trim();
  }

  /** All events after `position`; undefined when some of them are no longer kept. */
  after(position: number): readonly LoggedEvent[] | undefined {
    if (position < this.#from.position) return undefined;
    return this.#events.slice(position - this.#from.position);
  }

  /** The place after the event at `position`; undefined when it is not kept. */
  placeAt(position: number): Place | undefined {
    if (position === this.#end.position) return this.#end;
    if (position === this.#from.position) return this.#from;
    return this.#events[position - this.#from.position - 1];
  }

  #trim(): void {
    // An eighth more is let in, so that not every event moves all others.
    if (this.#events.length <= MOST_EVENTS * 1.125 && this.#size <= MOST_SIZE * 1.125) return;
    let dropped = 0;
    for (const event of this.#events) {
      if (this.#events.length - dropped <= MOST_EVENTS && this.#size <= MOST_SIZE) break;
      this.#size -= event.size;
      this.#from = { position: event.position, hash: event.hash };
      dropped++;
    }
    this.#events = this.#events.slice(dropped);
  }
}
