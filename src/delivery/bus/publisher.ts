import { jetstream } from "@nats-io/jetstream";
import type { NatsConfig } from "../../config/nats.ts";
import type { LoggedEvent } from "../../log/read/event.ts";
import { connectToNats } from "./connection.ts";
import { bodyOf, contentType } from "./message.ts";
import { ensureStream, isNotEnabled } from "./stream.ts";
import { subjectOf } from "./subject.ts";

/** A connection to NATS whose stream takes the events. Once closed, or lost, it stays so. */
export interface Publisher {
  readonly closed: boolean;
  /** Resolves when the stream has the event, now or from before. @throws Error that says what was wrong. */
  publish(event: LoggedEvent, timeoutMs: number): Promise<void>;
  /** Also ends what is being published. */
  close(): Promise<void>;
}

/** Left of the largest message for its headers. */
const HEADER_BYTES = 512;

/** @throws Error that says what is wrong and what to do. */
export async function openPublisher(config: NatsConfig): Promise<Publisher> {
  const connection = await connectToNats(config);
  try {
    const { max_msg_size: ofStream } = await ensureStream(connection, config);
    const ofServer = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
    const mostBytes = (ofStream > 0 ? Math.min(ofStream, ofServer) : ofServer) - HEADER_BYTES;
    const client = jetstream(connection);
    return {
      get closed() {
        return connection.isClosed();
      },
      async publish(event, timeoutMs) {
        const subject = subjectOf(config.subject, event);
        try {
          await client.publish(subject, bodyOf(event, mostBytes), {
            msgID: event.eventId,
            headers: contentType(),
            expect: { streamName: config.stream },
            timeout: Math.max(1, timeoutMs),
          });
        } catch (error) {
          const reason = isNotEnabled(error) ? "no stream takes it" : error instanceof Error ? error.message : error;
          throw new Error(`NATS did not take event ${event.eventId} for ${subject}: ${reason}`);
        }
      },
      close: () => connection.close(),
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}
