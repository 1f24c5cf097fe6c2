import { OpenLimit } from "../access/open-limit.ts";
import { rateLimited } from "../errors.ts";

/** Bytes of requests that one key may have under way on this process. */
const MOST_REQUEST_BYTES = 64 * 1024 * 1024;
/** What each request costs beside what was sent. */
export const REQUEST_BYTES = 8 * 1024;

/**
 * Requests that are not answered yet wait in this process's memory: one budget per key, over all protocols together.
 */
export class RequestBytes {
  readonly #limit = new OpenLimit(MOST_REQUEST_BYTES);

  /** Counts what is about to be kept; the answer, called once, counts it off. @throws RATE_LIMITED */
  enter(actor: string, bytes: number): () => void {
    return this.#limit.enter(actor, tooMuchAtOnce, bytes);
  }
}

const tooMuchAtOnce = (limit: number) =>
  rateLimited(
    `The requests of this key that are under way hold ${limit / 1024 / 1024} MB, which is the limit. Wait for answers, ` +
      "then send this again.",
    { retryable: true, retryAfterMs: 1_000, limit },
  );
