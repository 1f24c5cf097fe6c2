import type { Viewer } from "../../access/viewer.ts";
import type { Db } from "../../db/database.ts";
import { badInput } from "../../errors.ts";
import type { Clock } from "../clock.ts";
import { isCursor } from "../read/cursor.ts";
import type { LoggedEvent } from "../read/event.ts";
import { type EventFilter, isSelected, type Selection } from "../read/filter.ts";
import {
  type EventPage,
  type EventsQuery,
  type HistoryQuery,
  readHistories,
  readHistoriesOfProjects,
  requireFirst,
  type SubjectKey,
} from "../read/history.ts";
import { eventsAt, type Reading, type ReadPage, readPage } from "../read/page.ts";
import { type Span, spanOf } from "../read/span.ts";
import type { Hub } from "./hub.ts";
import type { Places } from "./places.ts";
import { requireWait, type Waits } from "./wait.ts";

interface Around {
  readonly db: Db;
  readonly clock: Clock;
  readonly hub: Hub;
  readonly places: Places;
  readonly waits: Waits;
  /** What a viewer gets of a filter. */
  readonly select: (viewer: Viewer, filter: EventFilter) => Promise<Selection>;
}

/** History, for readers who ask: each page ends with a cursor to go on from. `Log` says what each method does. */
export class Pages {
  readonly #around: Around;

  constructor(around: Around) {
    this.#around = around;
  }

  async events(viewer: Viewer, query: EventsQuery): Promise<EventPage> {
    const { db, clock, hub, places, waits, select } = this.#around;
    const { filter, waitSeconds = 0, gone } = query;
    requireFirst(query.first);
    requireWait(waitSeconds);
    if (waitSeconds > 0 && query.direction === "DESC")
      throw badInput("waitSeconds is for what comes, and newest first leads back. Leave out one of the two.");
    const answerAt = clock.now() + waitSeconds * 1000;
    const { generation } = hub;
    const span = await spanOf(db, filter);
    const selection = { ...(await select(viewer, filter)), ...(span && { span }) };
    const reading = await this.#readingOf(query, span);
    const page = await readPage(db, clock, selection, reading);
    const answer = this.#answer(page, reading);
    if (span && answer.caughtUp && (reading.direction === "ASC" ? span.until : span.since) !== null)
      return { ...answer, cursor: hub.codec.encode(await places.behind(span, reading)) };
    if (page.events.length > 0 || waitSeconds === 0 || span?.until) return answer;
    return waits.next({ viewer, selection, after: page.place, generation, most: query.first, until: answerAt, gone });
  }

  async histories(type: string, subjects: readonly SubjectKey[], query: HistoryQuery): Promise<EventPage[]> {
    const reading = await this.#readingOf(query);
    const pages = await readHistories(this.#around.db, type, subjects, reading);
    return pages.map((page) => this.#answer(page, reading));
  }

  async historiesOfProjects(projectIds: readonly string[], query: HistoryQuery): Promise<EventPage[]> {
    const reading = await this.#readingOf(query);
    const pages = await readHistoriesOfProjects(this.#around.db, projectIds, reading);
    return pages.map((page) => this.#answer(page, reading));
  }

  async find(viewer: Viewer, ids: readonly string[]): Promise<(LoggedEvent | null)[]> {
    const { db, hub, select } = this.#around;
    const visible = await select(viewer, {});
    const known = ids.filter(isCursor);
    const events = await eventsAt(
      db,
      known.map((id) => hub.codec.decode(id)),
    );
    const found = new Map(known.map((id, i) => [id, events[i]]));
    return ids.map((id) => {
      const event = found.get(id);
      return event && isSelected(visible, event) ? event : null;
    });
  }

  async #readingOf({ after, first, payload, direction = "ASC" }: HistoryQuery, span?: Span): Promise<Reading> {
    requireFirst(first);
    const { places } = this.#around;
    return {
      after: await places.begin(after, span, direction),
      until: await places.end(span, direction),
      limit: first,
      payload,
      direction,
      ...(span && { mayEndAt: (position: number) => places.isBeforeEdge(position, span, direction) }),
    };
  }

  #answer({ events, place }: ReadPage, { until, direction }: Reading): EventPage {
    const caughtUp = direction === "DESC" ? place.position <= until.position : place.position >= until.position;
    return { events, cursor: this.#around.hub.codec.encode(place), caughtUp };
  }
}
