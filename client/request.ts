import { connectionFault, NoAnswerError, ServerError } from "./faults.ts";
import type { TypedDocumentString } from "./gen/graphql.ts";
import { sleep as sleepFor } from "./sleep.ts";

/** Root fields are nullable only beside an error, which is thrown; what is returned has them all. */
export type DataOf<Result> = { [Field in keyof Result]: NonNullable<Result[Field]> };

interface CallOptions {
  /** Milliseconds that the document itself asks the server to wait, on top of the limit of every call. */
  readonly waitMs?: number;
  /** Gives the call up when nobody wants its answer any more. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends one document and returns its data. Throws a ServerError for the first GraphQL error or an unexpected
 * status, a NoAnswerError when the server could not be reached or did not answer in time.
 */
export type GraphQLRequest = <Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
  options?: CallOptions,
) => Promise<DataOf<Result>>;

/** Where, under the W3C's names, may stand which trace a call is a part of: headers, or what else somebody gave. */
export type TraceCarrier = Readonly<Record<string, unknown>>;

interface Connection {
  /** The server's address, without `/graphql`. */
  readonly url: string;
  readonly apiKey: string | undefined;
  /** The session that asks; sent as `Docket-Client-Id`. The server knows the session that opened an attempt by it. */
  readonly clientId?: string | undefined;
  /** Passed on to the server. */
  readonly trace?: TraceCarrier;
  /** How to reach the server, where not by the network as it is. */
  readonly fetch?: (url: string, init: RequestInit) => Response | Promise<Response>;
}

interface Trying {
  /** Milliseconds for a whole call with its retries; 5,000 unless given. */
  readonly timeoutMs?: number | undefined;
  /** Waits between tries, replaced in tests. */
  readonly sleep?: ((ms: number) => Promise<unknown>) | undefined;
}

interface RequestSettings extends Connection, Trying {}

/** What came back: nothing of GraphQL where it was something else, such as a proxy's page. */
export interface Reply {
  /** Of HTTP. */
  readonly status: number;
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Record<string, unknown> }[] | undefined;
}

/** Sends an operation once. The signal gives it up; it need not be heeded. @throws NoAnswerError */
export type Send = (
  operation: { readonly query: string; readonly variables: unknown },
  signal: AbortSignal,
) => Promise<Reply>;

/** Milliseconds before the second, third and fourth try of a call that met a transient fault. */
const RETRY_DELAYS_MS = [100, 200, 400];
/** What may stand in a header. */
const HEADER = /^[\x21-\x7e][\x20-\x7e]{0,511}$/;
/** Statuses by which a proxy says that the server did not answer it. */
const GATEWAY_STATUSES = new Set([502, 503, 504]);
/** Names of the usual statuses: HTTP/2, and a handler that is called directly, send the number alone. */
const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  410: "Gone",
  413: "Payload Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** Binds address, key and session to a GraphQL caller over HTTP. */
export function createRequest({ timeoutMs, sleep, ...connection }: RequestSettings): GraphQLRequest {
  return createRequestBy((operation, signal) => send(connection, operation, signal), { timeoutMs, sleep });
}

/**
 * A GraphQL caller that repeats transient faults. A mutation without an idempotency key is repeated only where it
 * certainly was not carried out.
 * @param send how to reach the server; the server itself goes straight to its own pipeline.
 */
export function createRequestBy(send: Send, { timeoutMs = 5_000, sleep = sleepFor }: Trying = {}): GraphQLRequest {
  return async (document, variables, { waitMs = 0, signal } = {}) => {
    const limitMs = timeoutMs + waitMs;
    const deadline = performance.now() + limitMs;
    const expired = AbortSignal.timeout(limitMs);
    const ended = signal ? AbortSignal.any([expired, signal]) : expired;
    const operation = { query: document.toString(), variables };
    const repeatable = isRepeatable(operation.query, variables);

    for (const wait of [...RETRY_DELAYS_MS, undefined]) {
      try {
        // Not everything that sends watches the signal.
        const answer = await Promise.race([send(operation, ended), rejectWhenAborted(ended)]);
        return dataOf<DataOf<ResultOf<typeof document>>>(answer);
      } catch (error) {
        signal?.throwIfAborted();
        if (expired.aborted) throw timeoutFault(limitMs, error);
        const delayMs = wait === undefined ? undefined : delayBefore(error, repeatable, wait);
        // A fault that is known is worth more to the caller than a time-out after one more wait.
        if (delayMs === undefined || performance.now() + delayMs >= deadline) throw error;
        await sleep(delayMs);
      }
    }
    throw new Error("unreachable: the last try either returned or threw");
  };
}

type ResultOf<Document> = Document extends TypedDocumentString<infer Result, infer _Variables> ? Result : never;

/** One try: posts the operation. */
async function send(
  { url, apiKey, clientId, trace = {}, fetch = globalThis.fetch }: Connection,
  operation: Parameters<Send>[0],
  signal: AbortSignal,
): Promise<Reply> {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    accept: "application/graphql-response+json, application/json",
  };
  if (apiKey !== undefined) headers["authorization"] = `Bearer ${apiKey}`;
  if (clientId !== undefined) headers["docket-client-id"] = clientId;
  for (const name of ["traceparent", "tracestate"] as const) {
    const given = trace[name];
    if (typeof given === "string" && HEADER.test(given)) headers[name] = given;
  }
  const body = JSON.stringify(operation);
  try {
    const response = await fetch(`${url}/graphql`, { method: "POST", headers, body, signal });
    return { status: response.status, ...membersOf(await response.text()) };
  } catch (error) {
    throw connectionFault(error, url);
  }
}

/** Data of a GraphQL answer; throws what the status or the errors say. */
function dataOf<Data>({ status, data, errors }: Reply): Data {
  if (status === 401) throw new ServerError("UNAUTHENTICATED", statusText(401));
  const [first] = errors ?? [];
  if (first !== undefined) {
    const code = String(first.extensions?.["code"] ?? "BAD_RESPONSE");
    throw new ServerError(code, code === "UNAUTHENTICATED" ? statusText(401) : first.message, first.extensions);
  }
  if (GATEWAY_STATUSES.has(status)) throw new NoAnswerError("gateway", statusText(status));
  if (status !== 200 || data == null || Object.values(data).includes(null)) {
    throw new ServerError("BAD_RESPONSE", statusText(status));
  }
  // The codegen types describe this document's answer, and the server validated the document against its schema.
  return data as Data;
}

/** The GraphQL members of a body; none when the body is something else, such as a proxy's page. */
function membersOf(text: string): Omit<Reply, "status"> {
  try {
    const { data, errors } = JSON.parse(text) as Omit<Reply, "status">;
    return { data, errors: Array.isArray(errors) ? errors : undefined };
  } catch {
    return {};
  }
}

function statusText(status: number): string {
  return `Docket API error: ${status} - ${STATUS_NAMES[status] ?? "Unknown status"}`;
}

function timeoutFault(limitMs: number, cause: unknown): NoAnswerError {
  return new NoAnswerError("timeout", `Docket timeout: No response within ${limitMs / 1000} seconds`, { cause });
}

/** How long to wait before the next try, undefined when there must be none. */
function delayBefore(error: unknown, repeatable: boolean, usualMs: number): number | undefined {
  if (error instanceof ServerError) {
    if (error.extensions["retryable"] !== true) return undefined;
    return Math.max(usualMs, Number(error.extensions["retryAfterMs"] ?? 0));
  }
  return error instanceof NoAnswerError && (repeatable || error.reason === "refused") ? usualMs : undefined;
}

/** Queries change nothing, and a mutation with an idempotency key changes nothing twice. */
function isRepeatable(document: string, variables: unknown): boolean {
  if (/^\s*query\b/.test(document)) return true;
  const input = typeof variables === "object" && variables !== null && "input" in variables ? variables.input : {};
  return typeof input === "object" && input !== null && "idempotencyKey" in input && input.idempotencyKey != null;
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  return promise;
}
