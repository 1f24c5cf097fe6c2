import { background } from "../db/requester.ts";
import type { Clock } from "../log/clock.ts";
import { Outage, type OutageLogger } from "../log/outage.ts";

export interface Work {
  /** Stands in the server's log: "<what> fails". */
  readonly what: string;
  /** Pause between two looks at the longest, when nobody pokes, in milliseconds. */
  readonly intervalMs: number;
  /**
   * Milliseconds until there is something to do: the next look is then, and a step is made only when it is 0 or less.
   * null: nothing is known of. Left out: every look is a step.
   */
  dueInMs?(): Promise<number | null>;
  /** Does a little of the work. Answers whether there is more to do right now, or in how many milliseconds there is. */
  step(): Promise<boolean | number>;
}

/** How a loop fares in this process. Times are milliseconds of its clock. */
export interface LoopState {
  readonly what: string;
  /** When it last looked without failing; null: not yet. */
  readonly lastRunAt: number | null;
  /** When it looks again unless it is poked; null while it looks. */
  readonly dueAt: number | null;
  /** Failures since it last went well. */
  readonly failures: number;
  /** What the latest of them said; kept when it goes well again. */
  readonly lastFailure: string | null;
}

/** The pauses after a step that failed, in milliseconds: doubled each time, less long where work has its time. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_OF_TIMED_MS = 5_000;

/** Before the next look at work that is due and that another process does at this moment, in milliseconds. */
const OTHERS_PAUSE_MS = 500;

/** Makes the steps of some work one after another: when it is due, when poked, and at once while there is more to do. */
export class Loop {
  readonly #work: Work;
  readonly #clock: Clock;
  readonly #outage: Outage;
  /** The poke has nothing to do with the work of the caller that pokes. */
  readonly #inBackground: ReturnType<typeof background>;
  #running: Promise<void> | undefined;
  #again = false;
  #failures = 0;
  #lastRunAt: number | null = null;
  #lastFailure: string | null = null;
  #dueAt = 0;
  /** When there will be something to do, as was said since the last look. */
  #announcedAt = Number.POSITIVE_INFINITY;
  #closed = false;
  #cancel: () => void = () => undefined;

  constructor(work: Work, clock: Clock, logger: OutageLogger) {
    this.#work = work;
    this.#clock = clock;
    this.#outage = new Outage(logger, work.what);
    this.#inBackground = background(work.what);
    this.#run();
  }

  get state(): LoopState {
    return {
      what: this.#work.what,
      lastRunAt: this.#lastRunAt,
      dueAt: this.#running ? null : this.#dueAt,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
    };
  }

  /** There may be something to do. A loop that fails is left alone until its pause is over. */
  poke(): void {
    if (this.#closed) return;
    this.#again = true;
    if (!this.#running && this.#failures === 0) this.#run();
  }

  /** There will be something to do in `ms` milliseconds, which the last look may not have seen. */
  announce(ms: number): void {
    const at = this.#clock.now() + ms;
    this.#announcedAt = Math.min(this.#announcedAt, at);
    if (!this.#closed && !this.#running && this.#failures === 0 && at < this.#dueAt) this.#sleep(ms);
  }

  /** Waits for the step under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#running;
  }

  #run(): void {
    this.#cancel();
    this.#announcedAt = Number.POSITIVE_INFINITY;
    this.#running = this.#inBackground(() => this.#look()).then((pauseMs) => {
      this.#running = undefined;
      if (this.#closed) return;
      if (this.#failures > 0) return this.#sleep(pauseMs);
      if (this.#again) return this.#run();
      this.#sleep(Math.min(pauseMs, this.#announcedAt - this.#clock.now()));
    });
  }

  #sleep(ms: number): void {
    this.#cancel();
    this.#dueAt = this.#clock.now() + ms;
    this.#cancel = this.#clock.after(ms, () => this.#run());
  }

  /** Does what there is to do. @returns milliseconds until the next look. */
  async #look(): Promise<number> {
    try {
      for (;;) {
        this.#again = false;
        const dueInMs = this.#work.dueInMs ? await this.#work.dueInMs() : 0;
        const isDue = dueInMs !== null && dueInMs <= 0 && !this.#closed;
        const more = isDue && (await this.#work.step());
        this.#succeeded();
        if (more === true && !this.#closed) continue;
        if (typeof more === "number" || !this.#work.dueInMs) return this.#pauseMs(more);
        // A step changes what is due; what still is now, another process does.
        return this.#pauseMs(isDue ? await this.#work.dueInMs() : dueInMs);
      }
    } catch (error) {
      this.#failures++;
      this.#lastFailure = String(error);
      this.#outage.failed(error);
      const longestMs = this.#work.dueInMs ? LONGEST_PAUSE_OF_TIMED_MS : LONGEST_PAUSE_MS;
      return Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), longestMs);
    }
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#lastRunAt = this.#clock.now();
    this.#outage.over();
  }

  #pauseMs(dueInMs: number | boolean | null): number {
    const { intervalMs } = this.#work;
    if (typeof dueInMs !== "number") return intervalMs;
    return Math.min(intervalMs, dueInMs > 0 ? Math.ceil(dueInMs) : OTHERS_PAUSE_MS);
  }
}
