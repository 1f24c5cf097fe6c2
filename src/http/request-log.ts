import type { Logger } from "pino";
import type { ErrorCode } from "../errors.ts";
import type { RequestScope } from "./request-scope.ts";

/** One finished request, or one finished operation of a WebSocket. */
export interface FinishedRequest {
  readonly method: string;
  /** null: nothing is there, and what was asked for may hold anything. */
  readonly path: string | null;
  readonly params?: URLSearchParams | undefined;
  /** null for an operation of a WebSocket. */
  readonly statusCode: number | null;
  readonly remoteAddress: string | undefined;
}

/** Told of each request once it has ended. */
export type Finished = (request: FinishedRequest, scope: RequestScope) => void;

/** How much of a key the line shows: enough to tell keys apart, nothing of their secret. */
const LOGGED_PREFIX = 8;
/** Faults of the server; everything else that fails is the caller's. */
const SERVER_FAULTS: ReadonlySet<string> = new Set<ErrorCode>(["INTERNAL", "DATABASE_UNAVAILABLE"]);
/** Parameters that this server knows by name. None is shown as it is: any may hold a secret or people's texts. */
const PARAMETERS = new Set([
  ...["query", "operationName", "variables", "extensions", "token"],
  ...["project", "status", "type", "types", "limit", "cursor", "cascade", "attempt"],
]);
const LONGEST_OPERATION = 100;

/** As much of an operation's name as is shown: a caller may give it any length. */
export const shownOperation = (name: string) => name.slice(0, LONGEST_OPERATION);

/** Writes one line about a request: level info, warn for the caller's errors, error for the server's. */
export function logRequest(logger: Logger, request: FinishedRequest, scope: RequestScope): void {
  const { statusCode } = request;
  const fields = {
    request_id: scope.requestId,
    method: request.method,
    path: request.path ?? "(none of this server)",
    params: request.params ? loggable(request.params) : {},
    status_code: statusCode,
    duration_ms: Math.round((performance.now() - scope.startedAt) * 10) / 10,
    remote_addr: request.remoteAddress,
    api_key_prefix: scope.authentication?.keyPrefix?.slice(0, LOGGED_PREFIX) ?? null,
    ...(scope.operation !== null && { operation: shownOperation(scope.operation) }),
    ...(scope.code !== null && { code: scope.code }),
    ...(scope.trace && { trace_id: scope.trace.traceId }),
  };
  if (isServerFault(statusCode, scope.code)) logger.error(fields);
  else if ((statusCode ?? 0) >= 400 || scope.code !== null) logger.warn(fields);
  else logger.info(fields);
}

/** Whether a request failed by no fault of its caller's. */
export function isServerFault(statusCode: number | null, code: string | null): boolean {
  return (statusCode ?? 0) >= 500 || SERVER_FAULTS.has(code ?? "");
}

/**
 * The line tells that a parameter was there. Names that the server does not know are not shown: one may be a misplaced
 * secret.
 */
function loggable(params: URLSearchParams): Record<string, string> {
  const known = [...params.keys()].map((name) => (PARAMETERS.has(name) ? name : "(other)"));
  return Object.fromEntries(known.map((name) => [name, "(not logged)"]));
}
