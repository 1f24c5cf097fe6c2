import { hash, randomUUID } from "node:crypto";
import { type FaultCode, ServerError } from "../client/faults.ts";
import type { GraphQLRequest } from "../client/request.ts";
import { CallFault, type ToolContext } from "./tool.ts";

/** How long a call whose answer was lost is taken up again by the same call, in milliseconds. */
const UNANSWERED_MS = 10 * 60_000;
/**
 * How many calls of one actor are remembered; beyond these its oldest are forgotten, so that no caller can fill the
 * memory.
 */
const MOST_UNANSWERED = 1_000;

/** The calls of one actor, by the keys they were made under, oldest first. */
type OfActor = Map<string, { readonly call: string; readonly since: number }>;

/**
 * Mutations whose result may never have reached the caller, with the keys they were made under. Each actor has its own,
 * so that none can push out what another left.
 */
export class UnansweredCalls {
  /** The one that kept something last stands last. */
  readonly #byActor = new Map<string, OfActor>();

  keep(actor: string, key: string, call: string): void {
    const calls: OfActor = this.#byActor.get(actor) ?? new Map();
    this.#byActor.delete(actor);
    this.#byActor.set(actor, calls);
    calls.delete(key);
    calls.set(key, { call, since: performance.now() });
    dropOld(calls);
    this.#forget();
  }

  /** The key of such a call, which from now on is the taker's alone. */
  take(actor: string, call: string): string | undefined {
    this.#forget();
    const calls: OfActor = this.#byActor.get(actor) ?? new Map();
    dropOld(calls);
    for (const [key, kept] of calls) {
      if (kept.call !== call) continue;
      calls.delete(key);
      return key;
    }
    return undefined;
  }

  /** Actors whose calls are all too old are forgotten first, as they stand first. */
  #forget(): void {
    for (const [actor, calls] of this.#byActor) {
      dropOld(calls);
      if (calls.size > 0) break;
      this.#byActor.delete(actor);
    }
  }
}

function dropOld(calls: OfActor): void {
  const expired = performance.now() - UNANSWERED_MS;
  for (const [key, { since }] of calls) {
    if (since > expired && calls.size <= MOST_UNANSWERED) return;
    calls.delete(key);
  }
}

export interface KeySettings {
  /** Given where servers live for one request only, so that the next one knows what the last left unanswered. */
  readonly unanswered: UnansweredCalls;
  readonly actor: string;
  /** Its session, if it names one: nobody takes up a call of another. */
  readonly client: string | null;
  /** The key that the caller chose for its request; it repeats that itself, so nothing is remembered for it. */
  readonly given: string | undefined;
  /** Whether several calls came under it; each of them is known by the id of its message then. */
  readonly batch: boolean;
  /** Aborted when the caller went away before it had its answer. */
  readonly gone: AbortSignal;
}

/** Which call of the caller's it is. */
interface Asked {
  /** How it asks the server. */
  readonly request: GraphQLRequest;
  readonly id: string | number;
  /** Aborted when the caller will not hear its answer: it cancelled the call, or went away. */
  readonly unwanted: AbortSignal;
}

/** One tool call's way to change something. */
interface KeyedCall {
  readonly mutate: ToolContext["mutate"];
  /** Tells that the call failed, wherever it did. */
  failed(error: unknown): void;
}

/**
 * Gives every mutation an idempotency key. When its result did not reach the caller, the same mutation asked again
 * soon carries the same key: a model that repeats its call gets the first result, not a second task.
 */
export function withIdempotencyKeys(settings?: KeySettings): (asked: Asked) => KeyedCall {
  const { unanswered = new UnansweredCalls(), actor = "", client = null, given, batch } = settings ?? {};

  return ({ request, id, unwanted }) => {
    const made: { key: string; call: string; repeated: boolean }[] = [];
    let mutations = 0;

    const mutate: ToolContext["mutate"] = async (document, input) => {
      // A call that was not begun need not be found again.
      unwanted.throwIfAborted();
      const call = hash("sha256", JSON.stringify([client, document.toString(), input]));
      mutations += 1;
      if (given !== undefined) {
        const ofCall = batch ? `${given}:${id}` : given;
        const idempotencyKey = mutations === 1 ? ofCall : `${ofCall}:${mutations}`;
        return request(document, { input: { ...input, idempotencyKey } });
      }
      const earlier = unanswered.take(actor, call);
      const idempotencyKey = earlier ?? randomUUID();
      made.push({ key: idempotencyKey, call, repeated: earlier !== undefined });
      unwanted.addEventListener("abort", () => unanswered.keep(actor, idempotencyKey, call), { once: true });
      return request(document, { input: { ...input, idempotencyKey } });
    };

    const failed = (error: unknown) => {
      // Kept when it was aborted; by now its repetition may have taken the key.
      if (unwanted.aborted) return;
      // An error such as RATE_LIMITED says nothing about what the lost call before it did.
      for (const { key, call, repeated } of made)
        if (repeated || mayHaveBeenDone(error)) unanswered.keep(actor, key, call);
    };

    return { mutate, failed };
  };
}

/** Codes of errors that can also come after the change was committed. */
const UNSURE: readonly FaultCode[] = ["DATABASE_UNAVAILABLE", "INTERNAL", "BAD_RESPONSE", "QUERY_TOO_COMPLEX"];

function mayHaveBeenDone(error: unknown): boolean {
  return error instanceof ServerError ? error.is(...UNSURE) : !(error instanceof CallFault);
}
