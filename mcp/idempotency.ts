import { hash, randomUUID } from "node:crypto";
import { ServerError } from "../client/faults.ts";
import type { GraphQLRequest } from "../client/request.ts";
import { CallFault, type ToolContext } from "./tool.ts";

/** How long a call whose answer was lost is taken up again by the same call, in milliseconds. */
const UNANSWERED_MS = 10 * 60_000;
/** Beyond this many the oldest are forgotten, so that no caller can fill the memory. */
const MOST_UNANSWERED = 1_000;

/** Mutations whose result may never have reached the caller, with the keys they were made under. */
export class UnansweredCalls {
  readonly #byKey = new Map<string, { call: string; since: number }>();

  keep(key: string, call: string): void {
    this.#byKey.delete(key);
    this.#byKey.set(key, { call, since: performance.now() });
    this.#forget();
  }

  /** The key of such a call, which from now on is the taker's alone. */
  take(call: string): string | undefined {
    this.#forget();
    for (const [key, kept] of this.#byKey) {
      if (kept.call !== call) continue;
      this.#byKey.delete(key);
      return key;
    }
    return undefined;
  }

  #forget(): void {
    const expired = performance.now() - UNANSWERED_MS;
    // Oldest first.
    for (const [key, { since }] of this.#byKey) {
      if (since > expired && this.#byKey.size <= MOST_UNANSWERED) return;
      this.#byKey.delete(key);
    }
  }
}

export interface KeySettings {
  /** Given where servers live for one request only, so that the next one knows what the last left unanswered. */
  readonly unanswered: UnansweredCalls;
  /** Whose calls these are: nobody takes up a call of somebody else. */
  readonly caller: string;
  /** The key that the caller chose for its request; it repeats that itself, so nothing is remembered for it. */
  readonly given: string | undefined;
  /** Aborted when the caller went away before it had its answer. */
  readonly gone: AbortSignal;
}

/** One tool call's way to change something. */
interface KeyedCall {
  readonly mutate: ToolContext["mutate"];
  /** To be told when the call failed, wherever it did. */
  failed(error: unknown): void;
}

/**
 * Gives every mutation an idempotency key. When its result did not reach the caller, the same mutation asked again
 * soon carries the same key: a model that repeats its call gets the first result, not a second task.
 */
export function withIdempotencyKeys(request: GraphQLRequest, settings?: KeySettings): () => KeyedCall {
  const { unanswered = new UnansweredCalls(), caller = "", given, gone } = settings ?? {};
  let mutations = 0;

  return () => {
    const made: { key: string; call: string; repeated: boolean }[] = [];

    const mutate: ToolContext["mutate"] = async (document, input) => {
      // What was not begun need not be found again.
      gone?.throwIfAborted();
      const call = hash("sha256", JSON.stringify([caller, document.toString(), input]));
      mutations += 1;
      if (given !== undefined) {
        // A batch brings several calls under one header.
        const idempotencyKey = mutations === 1 ? given : `${given}:${mutations}`;
        return request(document, { input: { ...input, idempotencyKey } });
      }
      const earlier = unanswered.take(call);
      const idempotencyKey = earlier ?? randomUUID();
      made.push({ key: idempotencyKey, call, repeated: earlier !== undefined });
      gone?.addEventListener("abort", () => unanswered.keep(idempotencyKey, call), { once: true });
      return request(document, { input: { ...input, idempotencyKey } });
    };

    const failed = (error: unknown) => {
      // Kept when the caller went; by now its repetition may have taken the key.
      if (gone?.aborted) return;
      // An error such as RATE_LIMITED says nothing about what the lost call before it did.
      for (const { key, call, repeated } of made) if (repeated || mayHaveBeenDone(error)) unanswered.keep(key, call);
    };

    return { mutate, failed };
  };
}

/** Codes of errors that can also come after the change was committed. */
const UNSURE = new Set(["DATABASE_UNAVAILABLE", "INTERNAL", "BAD_RESPONSE", "QUERY_TOO_COMPLEX"]);

function mayHaveBeenDone(error: unknown): boolean {
  return error instanceof ServerError ? UNSURE.has(error.code) : !(error instanceof CallFault);
}
