import type { Viewer } from "../access/viewer.ts";
import { rateLimited } from "../errors.ts";

/** Before a client that was refused tries again, in milliseconds: a stream that it lost may just be ending. */
const RETRY_MS = 2_000;

/** How many streams each client, which is a key and the session it names, has open on this process. */
export class StreamLimit {
  readonly #most: number;
  readonly #open = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Counts one more stream; the answer, called once, counts it off.
   * @throws RATE_LIMITED
   */
  enter({ keyId, actor, client }: Viewer): () => void {
    const id = JSON.stringify([keyId ?? actor, client]);
    const open = this.#open.get(id) ?? 0;
    if (open >= this.#most) throw tooMany(this.#most, client);
    this.#open.set(id, open + 1);
    return () => {
      const left = (this.#open.get(id) ?? 0) - 1;
      if (left > 0) this.#open.set(id, left);
      else this.#open.delete(id);
    };
  }
}

function tooMany(limit: number, client: string | null) {
  const who = client === null ? "This key, without a client id," : `Client ${client} of this key`;
  return rateLimited(
    `${who} has ${limit} streams open on this server, which is the limit. Close one, or give each session a client id ` +
      "of its own (the header Docket-Client-Id, clientId in a WebSocket's parameters); whoever runs the server can " +
      "raise DOCKET_STREAMS_PER_CLIENT.",
    { retryable: true, retryAfterMs: RETRY_MS, limit },
  );
}
