import type { Database } from "../../db/database.ts";
import { isConnectionLost } from "../../db/faults.ts";
import { background } from "../../db/requester.ts";
import { DocketError, databaseUnavailable } from "../../errors.ts";
import type { Clock } from "../clock.ts";
import { Outage, type OutageLogger } from "../outage.ts";

export interface DrainSettings {
  /** Pause between a commit of this process and the drain, in milliseconds: commits at the same moment share one. */
  readonly drainDelayMs: number;
  /**
   * Least time from one drain that follows a commit to the next, in milliseconds: a busy process drains less often, and
   * more at once. Readers do not wait for it.
   */
  readonly drainPauseMs: number;
  /** Pause between drains for others that died before theirs, in milliseconds. */
  readonly drainIntervalMs: number;
}

/** One autocommit statement, on the pool: it must see what committed while it waited for the lock of the log. */
const DRAIN = { name: "log-drain", text: "SELECT head, moved FROM drain($1)" };
const BATCH = 1000;
/** How long the last drain of a process that stops is waited for, in milliseconds. */
const LAST_DRAIN_MS = 3_000;

/**
 * Moves committed events from the inbox into the log: after this process's own commits, at an interval for processes
 * that died before their drain, and when a reader wants all that has committed. One statement at a time per process.
 */
export class Drain {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #settings: DrainSettings;
  readonly #onHead: (position: number) => void;
  readonly #outage: Outage;
  /** Many wait for one drain. */
  readonly #asDrain = background("drain");
  #running: Promise<number> | undefined;
  #next: Promise<number> | undefined;
  #batch = BATCH;
  /** When the last drain began that followed a commit. */
  #followedAt = Number.NEGATIVE_INFINITY;
  #cancelSoon: (() => void) | undefined;
  #cancelTick: () => void = () => undefined;
  #closed = false;

  /** @param onHead told the position of the last event of the log after every drain. */
  constructor(
    database: Database,
    clock: Clock,
    logger: OutageLogger,
    settings: DrainSettings,
    onHead: (position: number) => void,
  ) {
    this.#database = database;
    this.#clock = clock;
    this.#settings = settings;
    this.#onHead = onHead;
    this.#outage = new Outage(logger, "Moving events into the log");
    database.onCommit(() => this.#soon());
    this.#tick();
  }

  /**
   * Drains all that had committed when it was called, so that a reader of history reads its own writes.
   * @returns the position of the last event of the log.
   * @throws DATABASE_UNAVAILABLE.
   */
  now(): Promise<number> {
    if (!this.#running && !this.#next) return this.#start();
    // The one under way may have looked at the inbox before the caller's commit: everyone who asks shares the next.
    this.#next ??= Promise.allSettled([this.#running]).then(() => this.#start());
    return this.#next;
  }

  /** Stops the interval and drains a last time, so that nobody has to wait for another process to do it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelSoon?.();
    this.#cancelTick();
    const last = this.now().catch(() => undefined);
    // A database that stands still must not hold up the end: another process drains, or this one when it starts again.
    await Promise.race([last, new Promise<void>((resolve) => this.#clock.after(LAST_DRAIN_MS, resolve))]);
  }

  #soon(): void {
    if (this.#closed || this.#cancelSoon) return;
    const { drainDelayMs, drainPauseMs } = this.#settings;
    const paused = this.#followedAt + drainPauseMs - this.#clock.now();
    this.#cancelSoon = this.#clock.after(Math.max(drainDelayMs, paused), () => {
      this.#cancelSoon = undefined;
      this.#followedAt = this.#clock.now();
      this.now().catch(() => undefined);
    });
  }

  #tick(): void {
    this.#cancelTick = this.#clock.after(this.#settings.drainIntervalMs, () => {
      (this.#running ?? this.now())
        .catch(() => undefined)
        .finally(() => {
          if (!this.#closed) this.#tick();
        });
    });
  }

  #start(): Promise<number> {
    this.#next = undefined;
    this.#running = this.#asDrain(() => this.#drain()).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #drain(): Promise<number> {
    try {
      for (;;) {
        const batch = this.#batch;
        // A read may be run again after a lost connection, and so may this: what was moved is not moved twice.
        const [answer] = await this.#database.read<{ head: number; moved: number }>(DRAIN, [batch]);
        if (!answer) throw new Error("drain() gave no row");
        if (answer.moved > 0) this.#batch = Math.min(BATCH, batch * 2);
        if (answer.moved < batch) {
          this.#outage.over();
          this.#onHead(answer.head);
          return answer.head;
        }
      }
    } catch (error) {
      // Very large events may not fit into the time limit of a statement a thousand at once.
      if (!isConnectionLost(error)) this.#batch = Math.max(1, Math.floor(this.#batch / 2));
      this.#outage.failed(error);
      throw error instanceof DocketError ? error : databaseUnavailable(error);
    }
  }
}
