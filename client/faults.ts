import type { ErrorCode } from "./gen/enums.ts";

/** The codes that this client knows: the server's, and one for an answer that is not the server's. */
export type FaultCode = ErrorCode | "BAD_RESPONSE";

/** The server answered, and the answer is an error. `code` and `extensions` are those of the GraphQL error. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  /** A `FaultCode`, unless the server is newer than this client. */
  readonly code: string;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, extensions: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.extensions = extensions;
  }

  /** Whether it is one of these; only codes that there are can be asked for. */
  is(...codes: readonly FaultCode[]): boolean {
    return codes.some((code) => code === this.code);
  }
}

/**
 * - `refused`: nothing listens there, so the request was certainly not carried out
 * - `lost`: the connection broke before the answer came
 * - `gateway`: something before the server answered 502, 503 or 504
 * - `timeout`: no answer in time
 */
type NoAnswerReason = "refused" | "lost" | "gateway" | "timeout";

/** No answer came. Unless `reason` is `refused`, the server may have carried the request out. */
export class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
  readonly reason: NoAnswerReason;

  constructor(reason: NoAnswerReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Whether it may pass by itself: no answer came, or the server says that asking again may help. */
export const mayPass = (error: unknown): error is NoAnswerError | ServerError =>
  error instanceof NoAnswerError || (error instanceof ServerError && error.extensions["retryable"] === true);

/** What went wrong below HTTP, from the error that `fetch` throws. `url` is the server's address for the message. */
export function connectionFault(error: unknown, url: string): NoAnswerError {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
  const options = { cause: error };
  switch (code) {
    case "ECONNREFUSED":
      return new NoAnswerError("refused", `Docket unavailable: Connection refused at ${url}`, options);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new NoAnswerError("refused", `Docket unavailable: Unknown host at ${url}`, options);
    case "ECONNRESET":
    case "EPIPE":
    case "UND_ERR_SOCKET":
      return new NoAnswerError("lost", `Docket unavailable: Connection lost at ${url}`, options);
    default: {
      // The fault may be a certificate that is not trusted: only the cause itself tells what to mend.
      const why = cause instanceof Error ? cause.message : String(error);
      return new NoAnswerError("lost", `Docket unavailable: Connection failed at ${url} (${why})`, options);
    }
  }
}
