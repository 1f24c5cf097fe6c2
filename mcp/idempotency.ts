import { randomUUID } from "node:crypto";
import { NoAnswerError } from "../client/faults.ts";
import type { GraphQLRequest } from "../client/request.ts";
import type { ToolContext } from "./tool.ts";

/** How long a call whose answer was lost is taken up again by the same call, in milliseconds. */
const UNANSWERED_MS = 10 * 60_000;

/**
 * Gives every mutation an idempotency key. When no answer came, the same mutation asked again soon carries the same
 * key: a model that repeats its call gets the first result, not a second task.
 */
export function withIdempotencyKeys(request: GraphQLRequest): ToolContext["mutate"] {
  const unanswered = new Map<string, { key: string; since: number }>();

  return async (document, input) => {
    const call = JSON.stringify([document.toString(), input]);
    const earlier = unanswered.get(call);
    unanswered.delete(call);
    const recent = earlier !== undefined && performance.now() - earlier.since < UNANSWERED_MS;
    const idempotencyKey = recent ? earlier.key : randomUUID();
    try {
      return await request(document, { input: { ...input, idempotencyKey } });
    } catch (error) {
      if (error instanceof NoAnswerError) unanswered.set(call, { key: idempotencyKey, since: performance.now() });
      throw error;
    }
  };
}
