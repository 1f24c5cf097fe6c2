import type { Db } from "../../db/database.ts";
import { isConnectionLost } from "../../db/faults.ts";
import { background } from "../../db/requester.ts";
import type { Clock } from "../clock.ts";
import { Outage, type OutageLogger } from "../outage.ts";
import type { Place } from "../read/cursor.ts";
import { type EventRow, eventColumns, LoggedEvent } from "../read/event.ts";

export interface TailSettings {
  /** Pause between looks at the log when no hint came, in milliseconds. */
  readonly pollMs: number;
}

export interface TailReader {
  /** The events after the last ones, in order and without a hole. */
  publish(events: readonly LoggedEvent[]): void;
  /** The database lost events that were published (a restore, a failover). Answers where the log ends now. */
  rewind(): Promise<Place>;
}

/**
 * The next $2 events, as positions have no holes. It reads the event that is known again: when that is gone or differs,
 * the log went back.
 */
const TAIL = {
  name: "log-tail",
  text: `SELECT ${eventColumns("CASE WHEN e.position = $1 THEN '{}' ELSE e.payload::text END")}
    FROM events e WHERE e.position >= $1 AND e.position <= $1 + $2::int ORDER BY e.position`,
};
const BATCH = 500;

/** Follows the log, once per process: by hints as soon as there is something, by polling when hints are lost. */
export class Tail {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #settings: TailSettings;
  readonly #reader: TailReader;
  readonly #outage: Outage;
  /** It reads for all subscribers. */
  readonly #asTail = background("tail");
  #last: Place;
  #batch = BATCH;
  #running: Promise<void> | undefined;
  #again = false;
  /** The end that is being read up to: the drain tells it first, and the listener once more. */
  #hinted: number | undefined;
  #closed = false;
  #cancelPoll: () => void = () => undefined;

  /** @param from the place to go on from. */
  constructor(db: Db, clock: Clock, logger: OutageLogger, settings: TailSettings, from: Place, reader: TailReader) {
    this.#db = db;
    this.#clock = clock;
    this.#settings = settings;
    this.#reader = reader;
    this.#last = from;
    this.#outage = new Outage(logger, "Reading the log");
    this.#poll();
  }

  /** Says that the log ends at `position` now; reads on when that is news. */
  hint(position: number): void {
    if (position === this.#last.position || position === this.#hinted) return;
    this.#hinted = position;
    this.#read();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelPoll();
    await this.#running;
  }

  #poll(): void {
    this.#cancelPoll = this.#clock.after(this.#settings.pollMs, () => {
      this.#read();
      this.#poll();
    });
  }

  #read(): void {
    this.#again = true;
    if (this.#closed || this.#running) return;
    this.#running = this.#asTail(() => this.#readOn())
      .then(
        () => this.#outage.over(),
        (error: unknown) => {
          // Very large events may not fit into the time limit of a statement all at once.
          if (!isConnectionLost(error)) this.#batch = Math.max(1, Math.floor(this.#batch / 2));
          this.#outage.failed(error);
        },
      )
      .finally(() => {
        this.#running = undefined;
        this.#hinted = undefined;
        // A hint may have come after the last look.
        if (this.#again) this.#read();
      });
  }

  async #readOn(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      const known = this.#last.position === 0 ? 0 : 1;
      const batch = this.#batch;
      const rows = await this.#db.read<EventRow>(TAIL, [this.#last.position, batch]);
      const link = known === 0 ? this.#last : rows[0];
      const next = rows[known]?.position ?? this.#last.position + 1;
      // The events that follow may have been taken out of the log before they were read.
      const isHole = next !== this.#last.position + 1;
      if (isHole || link?.position !== this.#last.position || !link.hash.equals(this.#last.hash)) {
        this.#last = await this.#reader.rewind();
        continue;
      }
      const events = rows.slice(known).map((row) => new LoggedEvent(row));
      if (events.length === batch) {
        this.#again = true;
        this.#batch = Math.min(BATCH, batch * 2);
      }
      const last = events.at(-1);
      if (!last) continue;
      this.#last = { position: last.position, hash: last.hash };
      this.#reader.publish(events);
    }
  }
}
