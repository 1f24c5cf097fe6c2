import { GraphQLError } from "graphql";
import type { Logger } from "pino";
import { errorCode } from "../db/faults.ts";
import { badInput, DocketError, type ErrorCode, projectArchived } from "../errors.ts";
import { budgetSpent, projectAtLimit, projectPaused, workerAtLimit } from "../projects/not-ready.ts";
import { ARCHIVED, PAUSED, PROJECT_AT_LIMIT, SPENT, WORKER_AT_LIMIT } from "../projects/open.ts";
import { currentScope } from "./request-scope.ts";

/** What triggers refuse, by its SQLSTATE; the error's detail is the project's id. */
const REFUSALS = new Map([
  [ARCHIVED, projectArchived],
  [PAUSED, projectPaused],
  [PROJECT_AT_LIMIT, projectAtLimit],
  [WORKER_AT_LIMIT, workerAtLimit],
  [SPENT, budgetSpent],
]);

/** Turns whatever was thrown into what the caller may see. An error that it made itself comes back as it is. */
export type PresentError = (error: unknown) => GraphQLError;

/** Text that PostgreSQL cannot hold, the character U+0000: character_not_in_repertoire, untranslatable_character. */
const NOT_STORABLE = new Set(["22021", "22P05"]);

/**
 * Errors that are meant for callers keep their message and get `extensions {code, retryable, …}`. Anything else is
 * masked: the answer has INTERNAL and the request's id, the log the same id and the whole error.
 */
export function createErrorPresenter(logger: Logger): PresentError {
  const presented = new WeakSet<GraphQLError>();

  function present(error: unknown): GraphQLError {
    if (error instanceof GraphQLError && presented.has(error)) return error;
    const shown = show(error);
    presented.add(shown);
    const scope = currentScope();
    // A request that was cut short because its caller went away is no fault.
    if (scope && !scope.requester.hasLeft) scope.code ??= String(shown.extensions["code"]);
    return shown;
  }

  function show(error: unknown): GraphQLError {
    const meant = meantForCaller(error);
    if (meant) {
      // A lost database is somebody's business to look into, and the caller sees nothing of the cause.
      if (meant.code === "DATABASE_UNAVAILABLE" || meant.code === "INTERNAL") logWhole(meant);
      return relocated(error, meant.message, { code: meant.code, ...meant.details });
    }
    if (error instanceof GraphQLError && !causeOf(error)) return ofGraphQL(error);
    logWhole(error);
    const requestId = currentScope()?.requestId;
    return relocated(
      error,
      `Something went wrong inside the server. Its log tells more under request id ${requestId}.`,
      {
        code: "INTERNAL",
        retryable: false,
        requestId,
      },
    );
  }

  function logWhole(error: unknown): void {
    logger.error({ request_id: currentScope()?.requestId, err: error }, "request failed");
  }

  return present;
}

/** The error's own explanation for callers, from whatever wraps it. */
function meantForCaller(error: unknown): DocketError | undefined {
  if (error instanceof DocketError) return error;
  if (error instanceof Error && NOT_STORABLE.has(errorCode(error) ?? ""))
    return badInput("Text must not contain the character U+0000.");
  const refused = REFUSALS.get(errorCode(error) ?? "");
  if (refused) return refused(String((error as { detail?: unknown }).detail));
  // Variables nested thousands deep overflow GraphQL's own coercion, before a verb could measure them.
  if (error instanceof RangeError && error.message.includes("call stack"))
    return badInput("The input is nested too deep.");
  const cause = error instanceof GraphQLError ? causeOf(error) : undefined;
  return cause === undefined ? undefined : meantForCaller(cause);
}

/** What a resolver threw, unless that was an error of GraphQL itself (a scalar that refused a value). */
function causeOf(error: GraphQLError): unknown {
  const cause = error.originalError ?? error.cause;
  return cause instanceof GraphQLError ? causeOf(cause) : cause;
}

/** Syntax, validation and variables: the request is wrong. Yoga's notes on the HTTP status stay. */
function ofGraphQL(error: GraphQLError): GraphQLError {
  const { http, code } = error.extensions;
  return relocated(error, error.message, {
    code: code === "QUERY_TOO_COMPLEX" ? code : "BAD_USER_INPUT",
    retryable: false,
    // A body that is no GraphQL request at all is 400 for everyone; other mistakes are 200 to those who accept plain JSON.
    ...(http !== undefined && { http: code === "BAD_REQUEST" ? { ...http, spec: false } : http }),
  });
}

type Extensions = { readonly code: ErrorCode } & Readonly<Record<string, unknown>>;

function relocated(error: unknown, message: string, extensions: Extensions): GraphQLError {
  if (!(error instanceof GraphQLError)) return new GraphQLError(message, { extensions });
  const { nodes, source, positions, path } = error;
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
}

/** The error as it is sent: notes on the HTTP status are for this server only. */
export function withoutStatus(error: GraphQLError) {
  const { http: _, ...extensions } = error.extensions;
  return { ...error.toJSON(), extensions };
}
