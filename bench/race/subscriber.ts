import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { followStream } from "../../client/stream.ts";
import { RaceEvents } from "./documents.ts";
import type { StreamedEvent } from "./records.ts";

interface SubscriberSettings {
  readonly urls: readonly string[];
  readonly apiKey: string;
  readonly signal: AbortSignal;
}

/**
 * Listens from the start of the race to its end. When its connection breaks it resumes on another server: a
 * cursor is good everywhere.
 */
export class Subscriber {
  readonly received: StreamedEvent[] = [];
  /** Resolves when it listens. */
  readonly listening: Promise<void>;
  /** Resolves when it was told to stop. Rejects when a server refuses it. */
  readonly ended: Promise<void>;
  resumes = -1;
  #after: string | undefined;
  readonly #heads = new Map<string, number>();
  readonly #started = Promise.withResolvers<void>();

  constructor(settings: SubscriberSettings, first: number) {
    this.listening = this.#started.promise;
    this.ended = this.#run(settings, first);
    this.ended.catch((error: unknown) => this.#started.reject(error));
  }

  /** Whether it has received everything up to these numbers. */
  hasReached(heads: ReadonlyMap<string, number>): boolean {
    return [...heads].every(([projectId, number]) => (this.#heads.get(projectId) ?? 0) >= number);
  }

  async #run({ urls, apiKey, signal }: SubscriberSettings, first: number): Promise<void> {
    for (let turn = first; !signal.aborted; turn++) {
      this.resumes++;
      const gone = new AbortController();
      const url = urls[turn % urls.length] ?? "";
      const frames = followStream({
        url,
        apiKey,
        clientId: randomUUID(),
        document: RaceEvents,
        variables: this.#after === undefined ? {} : { after: this.#after },
        signal: AbortSignal.any([signal, gone.signal]),
        // Its first wait between two connections is the sign that this server is gone.
        sleep: async () => {
          await delay(50);
          gone.abort();
        },
      });
      for await (const { cursor, events } of frames) {
        this.#started.resolve();
        this.#after = cursor;
        for (const event of events) {
          this.received.push(event);
          this.#heads.set(event.projectId ?? "", event.number);
        }
      }
    }
  }
}
