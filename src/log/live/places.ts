import type { Db } from "../../db/database.ts";
import { cursorExpired } from "../../errors.ts";
import type { Place } from "../read/cursor.ts";
import { placeAt, readFloor } from "../read/page.ts";
import { positionAfter, positionBefore, positionWithin, type Span } from "../read/span.ts";
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
  async end(): Promise<Place> {
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

  /** The latest of a reader's place and where the span begins; null: the oldest that is kept. */
  async from(after: string | null, span: Span | undefined): Promise<Place | null> {
    const place = after === null ? null : await this.of(after);
    const begin = span && (await positionBefore(span, this.#db));
    if (!begin || begin <= (place?.position ?? 0)) return place;
    return (await this.#at(begin)) ?? place;
  }

  /** The end of the log, or of the span where that lies before it. @throws CURSOR_EXPIRED, DATABASE_UNAVAILABLE */
  async until(span: Span | undefined): Promise<Place> {
    const end = await this.end();
    const last = span && (await positionAfter(span, this.#db));
    return last != null && last < end.position ? ((await this.#at(last)) ?? end) : end;
  }

  /**
   * Where to go on from once a span was read to its end: nothing that happened after it lies before. It may be a little
   * earlier than the last event of the span, but not than the reader's own place.
   */
  async behind(span: Span, after: Place | null, end: Place): Promise<Place> {
    const last = await positionWithin(span, this.#db);
    if (last === null) return end;
    if (after && last <= after.position) return after;
    return (await this.#at(last)) ?? (await readFloor(this.#db));
  }

  async #at(position: number): Promise<Place | undefined> {
    return this.#hub.recent.placeAt(position) ?? (await placeAt(this.#db, position));
  }
}
