import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { monotonicMs } from "./clock.ts";

/** An event as a subscriber gets it. */
export interface Arrival {
  /** Place among the events of its project: shows every hole and every repetition. */
  readonly number: number;
  /** Which write of the round it is, from "0". */
  readonly subjectId: string;
}

/** Where one subscription leaves what comes. */
export interface Reception {
  receive(events: readonly Arrival[]): void;
  /** It ended, or was refused. */
  fail(error: Error): void;
}

/** Subscribes once. Resolves when it is live; the answer ends it. */
export type Subscribe = (index: number, reception: Reception) => Promise<() => void>;

/** Subscriptions that are opened at the same time. */
const OPENED_AT_ONCE = 50;
/** How long nothing may arrive before what is missing counts as lost. */
const PATIENCE_MS = 30_000;
const POLL_MS = 20;

/** All subscribers of a row. It holds them to what is promised: every event, once, in order. */
export class Audience implements Disposable {
  readonly #ends: (() => void)[] = [];
  /** The number of the last event that each subscriber has. */
  readonly #last: number[] = [];
  readonly #trouble = new AbortController();
  readonly #signal: AbortSignal;
  #round: { readonly answeredAt: Float64Array; readonly latencies: RecordableHistogram } | undefined;
  /** Frames that came to all of them together. */
  frames = 0;

  private constructor(interrupted: AbortSignal) {
    this.#signal = AbortSignal.any([interrupted, this.#trouble.signal]);
  }

  /** @throws the first fault of any of them, or the reason of `interrupted`; then none is left. */
  static async gather(subscribe: Subscribe, count: number, interrupted: AbortSignal): Promise<Audience> {
    using gathering = new DisposableStack();
    const audience = gathering.use(new Audience(interrupted));
    for (let first = 0; first < count; first += OPENED_AT_ONCE) {
      const group = Array.from({ length: Math.min(OPENED_AT_ONCE, count - first) }, (_, i) => first + i);
      const opened = await Promise.allSettled(group.map((index) => subscribe(index, audience.#reception(index))));
      for (const result of opened) if (result.status === "fulfilled") audience.#ends.push(result.value);
      for (const result of opened) if (result.status === "rejected") throw result.reason;
      audience.#signal.throwIfAborted();
    }
    gathering.move();
    return audience;
  }

  get size(): number {
    return this.#ends.length;
  }

  /**
   * Counts how long each event was on its way to each subscriber, in microseconds.
   * @param answeredAt filled by the writer: when the commit of each write was acknowledged.
   * @param write resolves when all are committed.
   * @throws Error when an event is missing, repeated or out of order, or when a subscription ends.
   */
  async hear(answeredAt: Float64Array, write: () => Promise<unknown>): Promise<RecordableHistogram> {
    const latencies = createHistogram();
    this.#round = { answeredAt, latencies };
    let writing = true;
    const written = write().finally(() => {
      writing = false;
    });
    // Awaited below, unless a fault comes first.
    written.catch(() => undefined);
    const expected = answeredAt.length * this.size;
    let before = -1;
    let progressAt = monotonicMs();
    while (writing || latencies.count < expected) {
      this.#signal.throwIfAborted();
      if (!writing) await written;
      if (writing || latencies.count > before) progressAt = monotonicMs();
      else if (monotonicMs() > progressAt + PATIENCE_MS)
        throw new Error(`Lost: ${expected - latencies.count} of ${expected} deliveries did not come.`);
      before = latencies.count;
      await delay(POLL_MS);
    }
    await written;
    this.#signal.throwIfAborted();
    this.#round = undefined;
    return latencies;
  }

  [Symbol.dispose](): void {
    for (const end of this.#ends) end();
  }

  #reception(index: number): Reception {
    return {
      receive: (events) => this.#receive(index, events),
      fail: (error) => this.#trouble.abort(error),
    };
  }

  #receive(index: number, events: readonly Arrival[]): void {
    this.frames++;
    const now = monotonicMs();
    for (const { number, subjectId } of events) {
      const last = this.#last[index] ?? number - 1;
      if (number !== last + 1 || !this.#round) {
        this.#trouble.abort(new Error(`Subscriber ${index} got event ${number} after ${last}.`));
        return;
      }
      this.#last[index] = number;
      // It may come before the writer hears that its commit is through.
      const answeredAt = this.#round.answeredAt[Number(subjectId)] || now;
      this.#round.latencies.record(Math.max(1, Math.round((now - answeredAt) * 1000)));
    }
  }
}
