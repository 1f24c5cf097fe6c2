import { LARGEST_SIZE } from "../../db/page.ts";
import type { LoggedEvent } from "../read/event.ts";

/** What a subscriber to events gets, at most ten times a second. */
export interface EventFrame {
  readonly events: readonly LoggedEvent[];
  /** The place after these events: subscribing with it as `after` goes on from there. */
  readonly cursor: string;
  /** Whether the subscriber has everything that was in the log when the frame was made. */
  readonly caughtUp: boolean;
}

/** What a subscriber to the status of projects gets. */
export interface StatusFrame {
  /** The projects as they are now include everything before this place. */
  readonly cursor: string;
  /** First all that are watched, then those that changed; what does not fit follows in the next frame. */
  readonly projectIds: readonly string[];
}

/** In one frame of the status of projects, as on a page. */
export const MOST_PROJECTS = LARGEST_SIZE;

/** In one frame of events. */
export const MOST_EVENTS = 1_000;
/** In characters of payload; a larger event travels alone. */
const MOST_SIZE = 1_000_000;

/** Counts what a frame, and so the queue of a subscriber, may hold. */
export class FrameBudget {
  readonly #most: number;
  #events = 0;
  #size = 0;

  /** @param most events. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether `event` still fits; counts it then. */
  admits(event: LoggedEvent): boolean {
    if (this.#events > 0 && (this.#events >= this.#most || this.#size + event.size > MOST_SIZE)) return false;
    this.#events++;
    this.#size += event.size;
    return true;
  }

  /** How many of `events`, from the first, fit into one frame of `most`. */
  static fitting(events: readonly LoggedEvent[], most: number): number {
    const budget = new FrameBudget(most);
    const tooMuch = events.findIndex((event) => !budget.admits(event));
    return tooMuch < 0 ? events.length : tooMuch;
  }
}
