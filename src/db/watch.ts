import type { Database } from "./database.ts";
import { errorCode, faultOf, UNDEFINED_TABLE } from "./faults.ts";
import { background } from "./requester.ts";

/** How often the database is looked at, in milliseconds. */
const LOOK_MS = 1_000;
/** A database that is asked and says nothing for longer is away, in milliseconds. */
const SILENCE_MS = 1_500;
/** So long after the database said that its disk is full, it still is, in milliseconds. */
const DISK_FULL_MS = 10_000;

const LACKING = {
  name: "lacking-migrations",
  text: "SELECT name FROM unnest($1::text[]) AS name WHERE name NOT IN (SELECT migration_name FROM docket_migrations)",
};

/** How the database is, as of the last look. */
export interface Watched {
  /** Whether it answers. */
  readonly connected: boolean;
  readonly diskFull: boolean;
  /** Migrations that this program needs and the database lacks; those that only a newer program has do not matter. */
  readonly lacking: readonly string[];
}

/**
 * Looks at the database once a second, so that whoever asks how it is has the answer at once, however long the database
 * takes. Under load, when the look waits its turn, the answers to other statements say the same.
 */
export class DatabaseWatch {
  readonly #database: Database;
  readonly #needed: readonly string[];
  readonly #timer: NodeJS.Timeout;
  readonly #asWatch = background("health");
  #lookingSince: number | null = null;
  #failed = false;
  #lacking: readonly string[] = [];

  /** @param needed the names of the migrations that this program was written for. */
  constructor(database: Database, needed: readonly string[]) {
    this.#database = database;
    this.#needed = needed;
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
    this.#look();
  }

  get state(): Watched {
    const { pool } = this.#database;
    const silentMs = this.#lookingSince === null ? 0 : performance.now() - this.#lookingSince;
    return {
      connected: !this.#failed && Math.min(silentMs, pool.heardSinceMs) < SILENCE_MS,
      diskFull: pool.diskFullSinceMs < DISK_FULL_MS,
      lacking: this.#lacking,
    };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (this.#lookingSince !== null) return;
    this.#lookingSince = performance.now();
    this.#asWatch(() => this.#database.pool.query<{ name: string }>({ ...LACKING, values: [this.#needed] }))
      .then(
        ({ rows }) => {
          this.#failed = false;
          this.#lacking = rows.map(({ name }) => name);
        },
        (error: unknown) => {
          // A schema from before the view, or one that is being undone, lacks what this program needs.
          if (errorCode(error) === UNDEFINED_TABLE) this.#lacking = this.#needed;
          this.#failed = faultOf(error) === "lost";
        },
      )
      .finally(() => {
        this.#lookingSince = null;
      });
  }
}
