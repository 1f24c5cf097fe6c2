import { type DocketError, databaseUnavailable } from "../errors.ts";
import type { Requester } from "./requester.ts";

/** How long a request waits for a database that says nothing, in milliseconds. */
const SILENCE_MS = 5_000;
/** How long each call of what serves many requests may wait at least: longer than a connection takes to be made. */
const GRACE_MS = 2_500;
/** Between two looks, longer than this process ever works at one thing. */
const STOOD_STILL_MS = 1_000;
const SILENT = new Error(`The database said nothing for ${SILENCE_MS / 1000} seconds.`);

/** A call that waits for a connection, or has one. */
export interface Asking {
  readonly requester: Requester;
  readonly since: number;
  /** Whether it had its turn: what it waits for is the database alone. */
  served: boolean;
  /** Ends it. */
  giveUp: (reason: DocketError) => void;
}

/** All calls that ask the database for something, so that none waits for ever where it says nothing. */
export class Askings {
  readonly #patience: number;
  readonly #all = new Set<Asking>();
  #lookedAt = performance.now();

  /** @param patience how many times as long as usual they may wait. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  /** Those that wait for their turn. */
  get waiting(): number {
    let waiting = 0;
    for (const { served } of this.#all) if (!served) waiting++;
    return waiting;
  }

  /** @throws DATABASE_UNAVAILABLE for who has been told so just now, and has heard nothing since. */
  begin(requester: Requester): Asking {
    const { limited, silence } = requester;
    if (limited && silence.goesOn && silence.givenUp) throw databaseUnavailable(SILENT);
    const giveUp = (reason: DocketError) => requester.refuseWaiting(reason);
    const asking: Asking = { requester, since: performance.now(), served: false, giveUp };
    silence.begin();
    this.#all.add(asking);
    return asking;
  }

  ended(asking: Asking): void {
    if (this.#all.delete(asking)) asking.requester.silence.end();
  }

  /**
   * Ends what has waited too long for a database that says nothing.
   * @param heardAt when it last said anything to anybody, in milliseconds of the process's clock.
   */
  giveUpOnSilence(heardAt: number): void {
    const now = performance.now();
    const pauseMs = now - this.#lookedAt;
    this.#lookedAt = now;
    // This process stood still: what the database said meanwhile is not read yet.
    if (pauseMs > STOOD_STILL_MS) return;
    for (const asking of [...this.#all]) {
      const { requester, since, served, giveUp } = asking;
      const { silence } = requester;
      const heardLast = served ? silence.since : Math.max(silence.since, heardAt);
      // What serves many does not let the next ones pay for those before.
      const leastMs = requester.limited ? 0 : GRACE_MS * this.#patience;
      if (now - heardLast < SILENCE_MS * this.#patience) continue;
      silence.giveUp();
      if (now - since < leastMs) continue;
      asking.giveUp = ignore;
      giveUp(databaseUnavailable(SILENT));
    }
  }
}

const ignore = () => undefined;
