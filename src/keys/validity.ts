import type { Viewer } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import { background } from "../db/requester.ts";
import { unauthenticated } from "../errors.ts";
import type { Clock } from "../log/clock.ts";
import type { OutageLogger } from "../log/outage.ts";
import type { LoggedEvent } from "../log/read/event.ts";
import type { Validity } from "../log/readers.ts";

/**
 * A key is judged by its own row and those of the keys it was issued by: a session ends with the key that opened it. Its
 * end may have come nearer since the viewer was let in.
 */
const VALIDITY = {
  name: "key-validity",
  text: `WITH RECURSIVE issuers AS (
      SELECT k.key_id, k.issued_by, k.revoked_at, k.expires_at FROM api_keys k WHERE k.key_id = $1
      UNION SELECT k.key_id, k.issued_by, k.revoked_at, k.expires_at FROM api_keys k JOIN issuers i ON k.key_id = i.issued_by)
    SELECT EXISTS (SELECT FROM issuers WHERE revoked_at IS NOT NULL) AS revoked,
      extract(epoch FROM least($2::timestamptz, (SELECT min(expires_at) FROM issuers)) - docket_now())::float8 * 1000 AS left_ms`,
};

/** The longest a timer runs before the database's clock is asked again, in milliseconds. */
const LONGEST_MS = 60 * 60_000;

interface Watched {
  readonly id: string;
  readonly viewer: Viewer;
  readonly onEnd: Set<() => void>;
  readonly checked: Promise<void>;
  cancel: () => void;
}

/**
 * Decides which viewers may go on: it ends everything that a viewer has open when its key is revoked (which the log
 * says) or expires (which a timer says, set by the database's clock). However many streams one key has, it is asked
 * about and timed once.
 */
export class KeyValidity implements Validity {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #logger: OutageLogger;
  readonly #watched = new Map<string, Watched>();
  /** All streams of a key share an answer. */
  readonly #asValidity = background("validity of keys");

  constructor(db: Db, clock: Clock, logger: OutageLogger) {
    this.#db = db;
    this.#clock = clock;
    this.#logger = logger;
  }

  async watch(viewer: Viewer, onEnd: () => void): Promise<() => void> {
    const id = `${viewer.keyId ?? viewer.actor} ${viewer.expiresAt?.getTime() ?? ""}`;
    let watched = this.#watched.get(id);
    if (!watched) {
      watched = { id, viewer, onEnd: new Set(), checked: Promise.resolve(), cancel: () => undefined };
      this.#watched.set(id, watched);
      // Asked after it is in the map: a revocation is seen either here or in the log, never by neither.
      Object.assign(watched, { checked: this.#check(id, watched) });
    }
    watched.onEnd.add(onEnd);
    const release = this.#releaseOf(watched, onEnd);
    try {
      await watched.checked;
    } catch (error) {
      release();
      throw error;
    }
    if (!watched.onEnd.has(onEnd)) throw ended();
    return release;
  }

  /** A function of its own: thousands of answers are kept, and keep nothing else of what was asked. */
  #releaseOf(watched: Watched, onEnd: () => void): () => void {
    return () => {
      watched.onEnd.delete(onEnd);
      if (watched.onEnd.size === 0 && this.#watched.get(watched.id) === watched) this.#forget(watched.id);
    };
  }

  /** Looks through new events for keys that were revoked, or that end earlier than they would have. */
  observe(events: readonly LoggedEvent[]): void {
    if (this.#watched.size === 0) return;
    for (const event of events) {
      const { type, subjectId } = event;
      if (type !== "key.revoked" && type !== "key.rotated") continue;
      const { keyIds } = event.payload;
      const meant = new Set<unknown>(Array.isArray(keyIds) ? [...keyIds, subjectId] : [subjectId]);
      for (const [id, watched] of this.#watched) {
        if (!meant.has(watched.viewer.keyId)) continue;
        if (type === "key.revoked") this.#end(id);
        else this.#checkAgain(id, watched);
      }
    }
  }

  close(): void {
    for (const id of [...this.#watched.keys()]) this.#forget(id);
  }

  /** @throws UNAUTHENTICATED when the viewer's time is over. */
  async #check(id: string, watched: Watched): Promise<void> {
    const { keyId, expiresAt } = watched.viewer;
    if (keyId === null && expiresAt === null) return;
    const [row] = await this.#asValidity(() =>
      this.#db.read<{ revoked: boolean; left_ms: number | null }>(VALIDITY, [keyId, expiresAt]),
    );
    const leftMs = row?.left_ms ?? null;
    if (row?.revoked || (leftMs !== null && leftMs <= 0)) throw ended();
    if (leftMs === null || this.#watched.get(id) !== watched) return;
    watched.cancel();
    watched.cancel = this.#clock.after(Math.min(leftMs, LONGEST_MS), () => {
      if (leftMs <= LONGEST_MS) this.#end(id);
      else this.#checkAgain(id, watched);
    });
  }

  #checkAgain(id: string, watched: Watched): void {
    this.#check(id, watched).catch((error: unknown) => {
      // Better a stream too few than one too many: the client connects again and is judged there.
      this.#logger.info({ err: error }, "Ended streams of a key whose validity is over or cannot be told");
      this.#end(id);
    });
  }

  #end(id: string): void {
    const watched = this.#forget(id);
    for (const onEnd of watched?.onEnd ?? []) {
      watched?.onEnd.delete(onEnd);
      onEnd();
    }
  }

  #forget(id: string): Watched | undefined {
    const watched = this.#watched.get(id);
    watched?.cancel();
    this.#watched.delete(id);
    return watched;
  }
}

const ended = () => unauthenticated("This key is revoked or has expired.");
