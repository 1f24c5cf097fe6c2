import { background } from "../db/requester.ts";
import type { Clock } from "../log/clock.ts";
import { Outage, type OutageLogger } from "../log/outage.ts";

export interface Job {
  /** Stands in the server's log: "<what> fails". */
  readonly what: string;
  /** Pause between two looks when nobody pokes, in milliseconds. */
  readonly intervalMs: number;
  /** Does a little of the work. Answers whether there is more to do right now. */
  step(): Promise<boolean>;
}

/** The pauses after a step that failed, in milliseconds: doubled each time. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Runs a job's steps one after another: at its interval, when poked, and at once while there is more to do. */
export class Loop {
  readonly #job: Job;
  readonly #clock: Clock;
  readonly #outage: Outage;
  /** Who pokes it has nothing to do with its work. */
  readonly #asJob: ReturnType<typeof background>;
  #running: Promise<void> | undefined;
  #again = false;
  #failures = 0;
  #closed = false;
  #cancel: () => void = () => undefined;

  constructor(job: Job, clock: Clock, logger: OutageLogger) {
    this.#job = job;
    this.#clock = clock;
    this.#outage = new Outage(logger, job.what);
    this.#asJob = background(job.what);
    this.#run();
  }

  /** There may be something to do. A job that fails is left alone until its pause is over. */
  poke(): void {
    if (this.#closed) return;
    this.#again = true;
    if (!this.#running && this.#failures === 0) this.#run();
  }

  /** Waits for the step under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#running;
  }

  #run(): void {
    this.#cancel();
    this.#running = this.#asJob(() => this.#steps()).finally(() => {
      this.#running = undefined;
      if (this.#closed) return;
      if (this.#again && this.#failures === 0) this.#run();
      else this.#cancel = this.#clock.after(this.#pauseMs(), () => this.#run());
    });
  }

  async #steps(): Promise<void> {
    try {
      for (let isMore = true; isMore && !this.#closed; ) {
        this.#again = false;
        isMore = await this.#job.step();
        this.#failures = 0;
        this.#outage.over();
      }
    } catch (error) {
      this.#failures++;
      this.#outage.failed(error);
    }
  }

  #pauseMs(): number {
    if (this.#failures === 0) return this.#job.intervalMs;
    return Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS);
  }
}
