import { createClient } from "graphql-ws";
import { ServerError } from "./faults.ts";
import type { TypedDocumentString } from "./gen/graphql.ts";
import { sleep as sleepUntilAborted } from "./sleep.ts";

interface StreamSettings<Result, Variables> {
  /** The server's address, without `/graphql`. */
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly clientId?: string | undefined;
  /** A subscription with one root field whose frames carry a `cursor`, taking the last one as `$after`. */
  readonly document: TypedDocumentString<Result, Variables>;
  readonly variables: Variables;
  /** Ends the stream quietly. */
  readonly signal: AbortSignal;
  /** Milliseconds without a frame after which the connection counts as dead; the server sends one every 15 s. */
  readonly silenceMs?: number;
  /** Waits between connections, replaced in tests. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

type FrameOf<Result> = NonNullable<Result[keyof Result]>;

const LONGEST_PAUSE_MS = 5_000;
/** Close codes that come again however often one connects: bad request, no or revoked key, wrong protocol. */
const FINAL_CLOSE_CODES = new Set([4400, 4401, 4406]);

/**
 * The frames of a subscription, over as many connections as it takes: after a fault it connects again and goes on
 * behind the last frame the caller took. Ends on abort; throws a ServerError when the server refuses (for example
 * `CURSOR_EXPIRED`: query again, then subscribe after that query's `logCursor`).
 */
export async function* followStream<Result extends Record<string, { cursor: string } | null>, Variables>(
  settings: StreamSettings<Result, Variables>,
): AsyncGenerator<FrameOf<Result>, void, undefined> {
  const { signal, sleep = sleepUntilAborted } = settings;
  let after: string | undefined;
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      for await (const frame of connection(settings, after)) {
        failures = 0;
        yield frame;
        after = frame.cursor;
      }
    } catch (error) {
      if (signal.aborted) return;
      throwIfFinal(error);
    }
    await sleep(Math.min(100 * 2 ** failures, LONGEST_PAUSE_MS), signal);
  }
}

/** The frames of one connection. Frames not yet taken when it breaks are dropped: the cursor brings them again. */
function connection<Result extends Record<string, { cursor: string } | null>, Variables>(
  { url, apiKey, clientId, document, variables, signal, silenceMs = 45_000 }: StreamSettings<Result, Variables>,
  after: string | undefined,
): ReadableStream<FrameOf<Result>> {
  // Retries are ours: those of graphql-ws would subscribe again with the first cursor.
  const client = createClient({
    url: `${url.replace(/^http/, "ws")}/graphql`,
    retryAttempts: 0,
    connectionAckWaitTimeout: 5_000,
    connectionParams: { ...(apiKey && { authorization: `Bearer ${apiKey}` }), ...(clientId && { clientId }) },
  });
  const stop = () => client.terminate();
  let silence = setTimeout(stop, silenceMs);
  const settle = () => {
    clearTimeout(silence);
    signal.removeEventListener("abort", stop);
  };
  let unsubscribe = () => {};
  return new ReadableStream<FrameOf<Result>>({
    start(controller) {
      signal.addEventListener("abort", stop, { once: true });
      const payload = { query: document.toString(), variables: { ...variables, ...(after && { after }) } };
      unsubscribe = client.subscribe<Result>(payload, {
        next({ data, errors }) {
          clearTimeout(silence);
          silence = setTimeout(stop, silenceMs);
          const frame = Object.values(data ?? {})[0];
          if (frame) return controller.enqueue(frame as FrameOf<Result>);
          controller.error(errors ?? new Error("a frame without data"));
          client.terminate();
        },
        error(error) {
          settle();
          controller.error(error);
        },
        complete() {
          settle();
          controller.close();
        },
      });
    },
    cancel() {
      settle();
      unsubscribe();
    },
  });
}

/**
 * Throws a fault that another connection would only meet again: GraphQL errors that are not retryable, a refused key.
 */
function throwIfFinal(error: unknown): void {
  if (Array.isArray(error)) {
    const [first] = error as readonly { message: string; extensions?: Record<string, unknown> }[];
    if (first === undefined || first.extensions?.["retryable"] === true) return;
    throw new ServerError(String(first.extensions?.["code"] ?? "BAD_RESPONSE"), first.message, first.extensions);
  }
  const closed = error as { code?: unknown; reason?: unknown } | null;
  if (typeof closed?.code !== "number" || !FINAL_CLOSE_CODES.has(closed.code)) return;
  const code = closed.code === 4401 ? "UNAUTHENTICATED" : "BAD_RESPONSE";
  throw new ServerError(code, `Docket API error: ${closed.code} - ${String(closed.reason)}`);
}
