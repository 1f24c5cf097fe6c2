import type { GraphQLError } from "graphql";
import type { ErrorCode } from "../../errors.ts";
import { retryAfter } from "../rate-limits.ts";

/** The status of each failure. */
export const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  BAD_USER_INPUT: 400,
  PROJECT_NOT_FOUND: 404,
  TASK_NOT_FOUND: 404,
  NOT_FOUND: 404,
  AMBIGUOUS_TASK_ID: 409,
  INVALID_STATUS_TRANSITION: 400,
  NOT_READY: 409,
  PROJECT_ARCHIVED: 409,
  DEPENDENCY_CYCLE: 409,
  // The version is what If-Match asked for.
  VERSION_CONFLICT: 412,
  LEASE_LOST: 409,
  CURSOR_EXPIRED: 410,
  ID_TAKEN: 409,
  RESERVATION_EXPIRED: 404,
  ID_SPACE_EXHAUSTED: 409,
  IDEMPOTENCY_KEY_REUSED: 409,
  RATE_LIMITED: 429,
  QUERY_TOO_COMPLEX: 400,
  DATABASE_UNAVAILABLE: 500,
  INTERNAL: 500,
};

/** The body of every failure. Beside these stand the values of its code, such as `task_id`. */
export interface Failure {
  readonly success: false;
  readonly error: string;
  readonly code: string;
  readonly [value: string]: unknown;
}

export interface FailureToSend {
  readonly status: number;
  readonly body: Failure;
  readonly headers: Readonly<Record<string, string>>;
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(STATUS_OF, code);

/** Puts a message of the server into the words of a caller; the values are those that stand beside it. */
export type Wording = (message: string, values: Readonly<Record<string, unknown>>) => string;

/** @param error as its caller may see it. */
export function failureOf({ message, extensions }: GraphQLError, wording: Wording): FailureToSend {
  const { code: given, http: _, retryable, ...values } = extensions;
  const code = String(given);
  const { retryAfterMs } = values;
  return {
    status: isCode(code) ? STATUS_OF[code] : 500,
    body: {
      success: false,
      error: wording(message, values),
      code,
      ...(retryable === true && { retryable }),
      ...asShown(values, (text) => wording(text, values)),
    },
    headers: {
      ...(code === "UNAUTHENTICATED" && { "WWW-Authenticate": "Bearer" }),
      ...(typeof retryAfterMs === "number" && retryAfter(retryAfterMs)),
    },
  };
}

/** Values that are sentences of the server. */
const SENTENCES = new Set(["faults", "message", "remedy"]);

/** Values as REST has them: they are the server's own, so that their names are known all the way down. */
const asShown = (values: object, wording: (text: string) => string): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [snakeCase(name), shownValue(value, wording, SENTENCES.has(name))]),
  );

function shownValue(value: unknown, wording: (text: string) => string, isSentence: boolean): unknown {
  if (typeof value === "string") return isSentence ? wording(value) : value;
  if (Array.isArray(value)) return value.map((part) => shownValue(part, wording, isSentence));
  return typeof value === "object" && value !== null && !(value instanceof Date) ? asShown(value, wording) : value;
}

const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
