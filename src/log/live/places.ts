import type { Db } from "../../db/database.ts";
import type { Direction } from "../../db/page.ts";
import { cursorExpired } from "../../errors.ts";
import type { Place } from "../read/cursor.ts";
import { placeAt, type Reading, readFloor } from "../read/page.ts";
import { edgeOf, positionAfter, positionBefore, type Span } from "../read/span.ts";
import type { Drain } from "../write/drain.ts";
import type { Hub } from "./hub.ts";

/** Where readers stand: what their cursors mean, and where the log ends for them. */
export class Places {
  readonly #db: Db;
  readonly #hub: Hub;
  readonly #drain: Drain;

  constructor(db: Db, hub: Hub, drain: Drain) {
    this.#db = db;
    this.#hub = hub;
    this.#drain = drain;
  }

  /** The end of the log, past everything committed before the call. @throws CURSOR_EXPIRED, DATABASE_UNAVAILABLE */
  async now(): Promise<Place> {
    const position = await this.#drain.now();
    const found = await this.#at(position);
    if (!found) throw cursorExpired("The database lost events at this moment.");
    return found;
  }

  /** @throws BAD_USER_INPUT for what is no cursor; CURSOR_EXPIRED */
  async of(cursor: string): Promise<Place> {
    const claimed = this.#hub.codec.decode(cursor);
    const found = await this.#at(claimed.position);
    // A position that was never given, and a hash that differs, both come from another log than this one is now.
    if (!found?.hash.equals(claimed.hash))
      throw cursorExpired(
        "This cursor is not in the log: it is older than what is kept, or the database was restored.",
      );
    return found;
  }

  /**
   * Where a reader begins that goes this way: at its own place, or where the span begins if that is further on; null: the
   * oldest that is kept. @throws CURSOR_EXPIRED, DATABASE_UNAVAILABLE
   */
  async begin(after: string | null, span: Span | undefined, direction: Direction): Promise<Place | null> {
    const place = after === null ? null : await this.of(after);
    if (direction === "DESC") {
      const end = await this.#lastOf(span);
      return place && place.position < end.position ? place : end;
    }
    const begin = span && (await positionBefore(span, this.#db));
    if (!begin || begin <= (place?.position ?? 0)) return place;
    return (await this.#at(begin)) ?? place;
  }

  /** Where it ends: with the log, or with the span if that ends before. @throws CURSOR_EXPIRED, DATABASE_UNAVAILABLE */
  async end(span: Span | undefined, direction: Direction): Promise<Place> {
    if (direction === "ASC") return this.#lastOf(span);
    const begin = span && (await positionBefore(span, this.#db));
    return (begin && (await this.#at(begin))) || readFloor(this.#db);
  }

  async #lastOf(span: Span | undefined): Promise<Place> {
    const now = await this.now();
    const last = span && (await positionAfter(span, this.#db));
    return last != null && last < now.position ? ((await this.#at(last)) ?? now) : now;
  }

  /**
   * Where to go on from once a span was read to its `end`: what happened outside it, on that side, lies behind. That may be
   * a little before the last event of the span, but a reader that began behind the span stays there.
   */
  async behind(span: Span, { after, until: end, direction = "ASC" }: Reading): Promise<Place> {
    const beyond = after && (direction === "ASC" ? after.position >= end.position : after.position <= end.position);
    if (beyond) return after;
    const edge = await edgeOf(span, direction, this.#db);
    return edge === null ? end : ((await this.#at(edge)) ?? (await readFloor(this.#db)));
  }

  /** Whether nothing that happened outside the span, on the side where it ends, lies before a position. */
  async isBeforeEdge(position: number, span: Span, direction: Direction): Promise<boolean> {
    const edge = await edgeOf(span, direction, this.#db);
    return edge === null || (direction === "ASC" ? position <= edge : position >= edge);
  }

  async #at(position: number): Promise<Place | undefined> {
    return this.#hub.recent.placeAt(position) ?? (await placeAt(this.#db, position));
  }
}
