import type { NatsConfig } from "../../config/nats.ts";
import type { LoggedEvent } from "../../log/read/event.ts";
import { EVERYTHING, type LogSink } from "../../log/sinks/sink.ts";
import { openPublisher, type Publisher } from "./publisher.ts";
import { BUS_READER } from "./subject.ts";

/** Time for a batch, in milliseconds; a sink has about 3 s. */
const BATCH_MS = 2_500;

/** Publishes events to a stream of NATS JetStream, which recognises by their ids those that come again. */
export class NatsSink implements LogSink {
  readonly reader = BUS_READER;
  readonly selection = EVERYTHING;
  readonly #config: NatsConfig;
  #publisher: Publisher | undefined;
  /** Of a batch that was not taken whole: over the slowest line the next try gets further. */
  #acknowledged: Set<LoggedEvent["eventId"]> = new Set();

  constructor(config: NatsConfig) {
    this.#config = config;
  }

  /**
   * Connects before each batch, so that no transaction waits for a server that is away. @throws Error that says what is
   * wrong.
   */
  async connect(): Promise<void> {
    if (!this.#publisher || this.#publisher.closed) this.#publisher = await openPublisher(this.#config);
  }

  async take(events: readonly LoggedEvent[]): Promise<void> {
    const giveUpAt = performance.now() + BATCH_MS;
    this.#acknowledged = this.#acknowledged.intersection(new Set(events.map(({ eventId }) => eventId)));
    const missing = events.filter(({ eventId }) => !this.#acknowledged.has(eventId));
    const bySubject = Map.groupBy(missing, (event) => `${event.projectId} ${event.subjectType} ${event.subjectId}`);
    try {
      await Promise.all(bySubject.values().map((ofOne) => this.#publish(ofOne, giveUpAt)));
    } catch (error) {
      // Nothing of this batch may be under way when it comes again.
      await this.close();
      throw error;
    }
  }

  /** Ends the connection, and what is under way with it. */
  async close(): Promise<void> {
    await this.#publisher?.close();
  }

  /** One after another: what the stream has is at every moment a beginning of what happened to this subject. */
  async #publish(events: readonly LoggedEvent[], giveUpAt: number): Promise<void> {
    for (const event of events) {
      const timeoutMs = giveUpAt - performance.now();
      if (!this.#publisher || timeoutMs <= 0) throw new Error(`NATS took too long: a batch has ${BATCH_MS / 1000} s`);
      await this.#publisher.publish(event, timeoutMs);
      this.#acknowledged.add(event.eventId);
    }
  }
}
