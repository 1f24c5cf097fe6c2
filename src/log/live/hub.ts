import type { CursorCodec, Place } from "../read/cursor.ts";
import type { LoggedEvent } from "../read/event.ts";
import { isSelected, type Selection } from "../read/filter.ts";
import { RecentEvents } from "./recent-events.ts";

/** Subscribers who stand at one place, as the hub sees them. */
export interface Feed {
  readonly selection: Selection;
  /** Called for each selected event, in order. Must not throw, and must not send: the batch is not over. */
  offer(event: LoggedEvent): void;
}

/**
 * Hands the events of the tail to the feeds that select them. Found by project: ten thousand subscribers to other
 * projects cost an event nothing.
 */
export class Hub {
  recent: RecentEvents;
  codec: CursorCodec;
  /** How often it began anew: a place found in one generation may not be in the log of the next. */
  generation = 0;
  readonly #byProject = new Map<string, Set<Feed>>();
  /** Feeds of viewers without limits that named no projects, so that new projects reach them at once. */
  readonly #ofAll = new Set<Feed>();

  constructor(codec: CursorCodec, from: Place) {
    this.codec = codec;
    this.recent = new RecentEvents(from);
  }

  attach(feed: Feed): void {
    for (const feeds of this.#roomsOf(feed)) feeds.add(feed);
  }

  detach(feed: Feed): void {
    const { projects } = feed.selection;
    if (projects === null) this.#ofAll.delete(feed);
    for (const project of projects ?? []) {
      const feeds = this.#byProject.get(project);
      feeds?.delete(feed);
      if (feeds?.size === 0) this.#byProject.delete(project);
    }
  }

  /** Feeds the hub would offer events to; none when nobody subscribes. */
  get attached(): number {
    return this.#ofAll.size + [...this.#byProject.values()].reduce((sum, feeds) => sum + feeds.size, 0);
  }

  publish(events: readonly LoggedEvent[]): void {
    // This comes before any feed is offered anything: a feed that falls behind in this batch reads it from here.
    this.recent.add(events);
    for (const event of events) {
      for (const feed of this.#ofAll) if (isSelected(feed.selection, event)) feed.offer(event);
      if (event.projectId === null) continue;
      for (const feed of this.#byProject.get(event.projectId) ?? [])
        if (isSelected(feed.selection, event)) feed.offer(event);
    }
  }

  /** Begins anew where the log ends now, after the database lost events. All streams have been ended before. */
  restart(codec: CursorCodec, from: Place): void {
    this.generation++;
    this.codec = codec;
    this.recent = new RecentEvents(from);
  }

  *#roomsOf({ selection }: Feed): Generator<Set<Feed>> {
    if (selection.projects === null) yield this.#ofAll;
    for (const project of selection.projects ?? []) {
      const feeds = this.#byProject.get(project) ?? new Set();
      this.#byProject.set(project, feeds);
      yield feeds;
    }
  }
}
