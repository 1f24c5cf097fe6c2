import { randomUUID } from "node:crypto";
import { NoAnswerError, ServerError } from "../../client/faults.ts";
import type { TypedDocumentString } from "../../client/gen/graphql.ts";
import { createRequest, type DataOf } from "../../client/request.ts";
import type { Contradiction, Heard } from "./records.ts";

/** What happened between the clients and the servers, for the report. */
export interface Traffic {
  requests: number;
  /** The connection broke, or the server died, between question and answer. */
  unanswered: number;
  /** Answers that had been worked out for an earlier try of the same request. */
  replayed: number;
  /** Answers asked for again on purpose, as if they had been lost. */
  repeated: number;
}

interface AskingSettings {
  readonly urls: readonly string[];
  readonly apiKey: string;
  /** The session that asks; undefined for a caller that does not say. */
  readonly clientId: string | undefined;
  readonly random: () => number;
  readonly traffic: Traffic;
  readonly contradictions: Contradiction[];
  readonly signal: AbortSignal;
}

export interface Told<Result> extends Heard {
  readonly answer: DataOf<Result>;
}

type Mutation<Result, Input> = TypedDocumentString<Result, { input: Input }>;
export type Ask = <Result, Input extends { idempotencyKey?: string | null | undefined }>(
  document: Mutation<Result, Input>,
  input: Input,
) => Promise<Told<Result>>;

/** The share of answers that a client asks for a second time. */
const REPEATED = 0.05;

/**
 * How one client asks: with a new idempotency key per request, each try on the next server, until there is an answer.
 * Throws a ServerError when the answer is a refusal.
 */
export function createAsk({ urls, apiKey, clientId, random, traffic, contradictions, signal }: AskingSettings): Ask {
  let turn = Math.floor(random() * urls.length);
  const request = createRequest({
    url: "",
    apiKey,
    clientId,
    async fetch(path, init) {
      turn = (turn + 1) % urls.length;
      traffic.requests++;
      try {
        const response = await fetch(`${urls[turn]}${path}`, init);
        return new Response(await response.text(), { status: response.status });
      } catch (error) {
        traffic.unanswered++;
        throw error;
      }
    },
  });

  async function untilAnswered<Result, Input>(document: Mutation<Result, Input>, input: Input) {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await request(document, { input });
      } catch (error) {
        if (!mayBeRepeated(error)) throw error;
      }
    }
  }

  return async (document, given) => {
    const input = { ...given, idempotencyKey: randomUUID() };
    const askedAt = performance.now();
    const answer = await untilAnswered(document, input);
    const toldAt = performance.now();
    if (isReplayed(answer)) traffic.replayed++;
    if (random() < REPEATED && !isIdle(answer)) {
      traffic.repeated++;
      const again = await untilAnswered(document, input);
      if (!isReplayed(again) || essence(again) !== essence(answer))
        contradictions.push({ operation: operationOf(answer), first: essence(answer), again: essence(again) });
    }
    return { answer, askedAt, toldAt };
  };
}

const mayBeRepeated = (error: unknown) =>
  error instanceof NoAnswerError || (error instanceof ServerError && error.extensions["retryable"] === true);

const payloadOf = (answer: object): Record<string, unknown> => Object.values(answer)[0] ?? {};
const operationOf = (answer: object) => Object.keys(answer)[0] ?? "";
const isReplayed = (answer: object) => payloadOf(answer)["replayed"] === true;
/** An answer without a task to work on is not kept under its key: asked again, there may be work. */
const isIdle = (answer: object) => payloadOf(answer)["task"] === null;
const essence = (answer: object) => JSON.stringify({ ...payloadOf(answer), replayed: undefined });
