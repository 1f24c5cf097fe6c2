import type { ServerResponse } from "node:http";
import type { GraphQLError } from "graphql";
import { type Exchange, HttpRefusal, sendJson } from "./exchange.ts";
import type { PresentError } from "./present-error.ts";
import { retryAfter } from "./rate-limits.ts";

/** An answer for what no handler could answer itself. */
export function refuse({ response, scope }: Exchange, error: unknown, present: PresentError): void {
  // A request that was cut short because its caller went away is no fault.
  if (response.destroyed) return;
  if (error instanceof HttpRefusal) {
    scope.code ??= "BAD_USER_INPUT";
    const extensions = { code: scope.code, retryable: false };
    const { status, message, headers } = error;
    if (!response.headersSent) sendRefusal(response, status, { message, extensions }, headers);
    return;
  }
  const shown = present(error);
  if (response.headersSent) response.destroy();
  else if (scope.code === "RATE_LIMITED")
    sendRefusal(response, 429, shown, retryAfter(Number(shown.extensions["retryAfterMs"] ?? 0)));
  else sendRefusal(response, 500, shown);
}

/** The shape of GraphQL's errors, so that its clients find the message, beside that of the REST API. */
function sendRefusal(
  response: ServerResponse,
  status: number,
  error: Pick<GraphQLError, "message" | "extensions">,
  headers: Readonly<Record<string, string>> = {},
): void {
  // The rest of the request is thrown away as it comes: a caller that still sends could not read the answer of a closed
  // connection.
  const { message, extensions } = error;
  sendJson(response, status, { success: false, error: message, code: extensions["code"], errors: [error] }, headers);
}
