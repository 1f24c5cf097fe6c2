import { type ExecutionResult, GraphQLError } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { ErrorCode } from "../errors.ts";
import { withoutStatus } from "./present-error.ts";
import type { RequestContext } from "./request-context.ts";
import type { RequestScope } from "./request-scope.ts";

/**
 * Server-sent events: one `next` per result and `complete` after the last, as graphql-sse has it in its mode of distinct
 * connections, and in each frame of a subscription its cursor as `id`. Clients that resume by themselves (EventSource)
 * send that back as Last-Event-ID.
 */
const EVENT_STREAM = "text/event-stream";
const JSON_TYPE = "application/json";
const HEADERS = {
  "Content-Type": EVENT_STREAM,
  "Cache-Control": "no-cache",
  // nginx would keep frames back until its buffer is full.
  "X-Accel-Buffering": "no",
};
const COMPLETE = "event: complete\ndata:\n\n";

/** Milliseconds until a client that lost its stream comes back; spread, as a server that stops ends all at once. */
const COME_BACK_MS = { least: 1_000, spread: 1_000 };

/** An error that would only come again has a status of its own, which makes an EventSource give up. */
const STATUSES: Readonly<Record<string, number | undefined>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  PROJECT_NOT_FOUND: 404,
  CURSOR_EXPIRED: 410,
  INTERNAL: 500,
} satisfies Partial<Record<ErrorCode, number>>;

/** Answers subscriptions, and clients that accept nothing else, with server-sent events. */
export function useEventStream(): Plugin<object, RequestContext> {
  return {
    onResultProcess({ request, result, resultProcessor, serverContext: { scope }, setResultProcessor }) {
      if (Array.isArray(result)) return;
      if (Symbol.asyncIterator in result) {
        const answer = resultProcessor ? sendStream : () => refuseStream(result, scope);
        setResultProcessor(answer, EVENT_STREAM);
      } else if (wantsEvents(request.headers.get("accept")))
        setResultProcessor(() => answerOnce(request, result), EVENT_STREAM);
      else if (comesBack(request) && !wantsJson(request.headers.get("accept"))) {
        const refusal = refusalIn(result);
        if (refusal) setResultProcessor(() => refuse(refusal, result), JSON_TYPE);
      }
    },
  };
}

/** Whether a failure, too, has to come as an event. */
export function wantsEvents(accept: string | null): boolean {
  return accept?.includes(EVENT_STREAM) === true && !wantsJson(accept);
}

/** JSON has rules of its own for statuses; the wildcard has none. */
function wantsJson(accept: string | null): boolean {
  return accept?.includes("json") === true;
}

/**
 * The answer to a request that brought no stream. A client that comes back by itself gets a status where it should not;
 * others get errors as graphql-sse wants them, in the stream.
 */
export function answerOnce(request: Request, result: ExecutionResult): Response {
  const refusal = refusalIn(result);
  if (refusal && comesBack(request)) return refuse(refusal, result);
  const { retryAfterMs } = requestErrors(result)[0]?.extensions ?? {};
  const comeBackAfterMs = typeof retryAfterMs === "number" ? retryAfterMs : comeBackMs();
  const event = `event: next\ndata: ${jsonOf(result)}\n\n`;
  return new Response(retryLine(comeBackAfterMs) + event + COMPLETE, { headers: HEADERS });
}

/** The first error that would only come again. */
function refusalIn(result: ExecutionResult): GraphQLError | undefined {
  return requestErrors(result).find(({ extensions }) => extensions["retryable"] !== true);
}

/** Errors of a request for which nothing was done at all. */
function requestErrors({ data, errors = [] }: ExecutionResult): readonly GraphQLError[] {
  return data === undefined ? errors : [];
}

/** An EventSource can only GET; other clients that resume show by what they resume from. */
function comesBack({ method, headers }: Request): boolean {
  return method === "GET" || headers.has("last-event-id");
}

function refuse({ extensions }: GraphQLError, result: ExecutionResult): Response {
  const { status = STATUSES[String(extensions["code"])] ?? 400, headers } = (extensions["http"] ?? {}) as {
    readonly status?: number;
    readonly headers?: Record<string, string>;
  };
  return new Response(jsonOf(result), { status, headers: { ...headers, "Content-Type": JSON_TYPE } });
}

/** A client that does not accept a stream gets none, and none is left open. */
async function refuseStream(frames: AsyncIterable<ExecutionResult>, scope: RequestScope): Promise<Response> {
  await frames[Symbol.asyncIterator]().return?.();
  scope.code ??= "BAD_USER_INPUT";
  const refusal = new GraphQLError("A subscription is a stream: send Accept: text/event-stream, or use a WebSocket.", {
    extensions: { code: "BAD_USER_INPUT" satisfies ErrorCode, retryable: false, http: { status: 406 } },
  });
  return refuse(refusal, { errors: [refusal] });
}

/** The stream itself is written by the channel that makes its frames. */
const sendStream = () => new Response(null, { headers: HEADERS });

/** What stands before the frames of a stream, and after the last where the client is not to come back. */
export const streamWords = () => ({ hello: retryLine(comeBackMs()), goodbye: COMPLETE });

function jsonOf({ errors, ...rest }: ExecutionResult): string {
  return JSON.stringify(errors ? { errors: errors.map(withoutStatus), ...rest } : rest);
}

const retryLine = (ms: number) => `retry: ${ms}\n\n`;
/** Milliseconds until a client that lost its stream comes back. */
export const comeBackMs = () => COME_BACK_MS.least + Math.floor(Math.random() * COME_BACK_MS.spread);
