/**
 * The errors a caller may see: one constructor per code. Whatever else is thrown is masked outside and logged inside.
 * Messages say what was wrong and what to do; `details` carry the values a program needs (GraphQL `extensions`).
 */
export class DocketError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = "DocketError";
    this.code = code;
    this.details = { retryable: false, ...details };
  }
}

export type ErrorCode =
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "BAD_USER_INPUT"
  | "PROJECT_NOT_FOUND"
  | "TASK_NOT_FOUND"
  | "AMBIGUOUS_TASK_ID"
  | "INVALID_STATUS_TRANSITION"
  | "PROJECT_ARCHIVED"
  | "VERSION_CONFLICT"
  | "LEASE_LOST"
  | "CURSOR_EXPIRED"
  | "ID_TAKEN"
  | "RESERVATION_EXPIRED"
  | "ID_SPACE_EXHAUSTED"
  | "IDEMPOTENCY_KEY_REUSED"
  | "RATE_LIMITED"
  | "QUERY_TOO_COMPLEX"
  | "DATABASE_UNAVAILABLE"
  | "INTERNAL";

export const unauthenticated = (message: string) => new DocketError("UNAUTHENTICATED", message);

export const forbidden = (message: string) => new DocketError("FORBIDDEN", message);

/** What the caller sent is wrong: `message` says what and what would be right. */
export const badInput = (message: string, details: Record<string, unknown> = {}) =>
  new DocketError("BAD_USER_INPUT", message, details);

/** A name is never longer than this, in UTF-16 units. */
const LONGEST_NAME = 200;

/** What a caller named, in a sentence: in quotes where it would not be seen, and its beginning where it is no name. */
export function shown(given: string): string {
  const beginning = given.length > LONGEST_NAME ? `${given.slice(0, LONGEST_NAME).toWellFormed()}…` : given;
  return /\S/.test(beginning) ? beginning : JSON.stringify(beginning);
}

/** Unknown and foreign projects answer alike. */
export const projectNotFound = (projectId: string) =>
  new DocketError(
    "PROJECT_NOT_FOUND",
    `Project ${shown(projectId)} not found. Query projects { nodes { projectId } } for those this key sees; an agent's key can create it with createProject.`,
    { projectId },
  );

export const taskNotFound = (taskId: string, projectId?: string) =>
  new DocketError("TASK_NOT_FOUND", `Task ${shown(taskId)} not found`, { taskId, ...(projectId && { projectId }) });

/** Projects that a message names; what is beyond is counted. */
const MOST_NAMED = 20;

/** For a write, one project is enough: the caller does not hold the task there, so it may have meant another. */
export function ambiguousTaskId(taskId: string, projectIds: readonly string[]): DocketError {
  const named = projectIds.slice(0, MOST_NAMED);
  const more = projectIds.length > MOST_NAMED ? ` and ${projectIds.length - MOST_NAMED} more` : "";
  const [what, remedy] =
    projectIds.length === 1
      ? [
          `Task ${taskId} of project ${named[0]} is not held by this caller.`,
          "Say that it is meant with projectId, or pass attempt as the claim returned it.",
        ]
      : [`Task ${taskId} exists in several projects: ${named.join(", ")}${more}.`, "Say which with projectId."];
  return new DocketError("AMBIGUOUS_TASK_ID", `${what} ${remedy}`, { taskId, projectIds: named, remedy });
}

export const invalidTransition = (from: string, to: string, remedy: string) =>
  new DocketError("INVALID_STATUS_TRANSITION", `Invalid status transition: ${from} → ${to}`, { from, to, remedy });

export const projectArchived = (projectId: string) =>
  new DocketError(
    "PROJECT_ARCHIVED",
    `Project ${projectId} is archived: it hands out no work and no IDs and takes no new tasks; what is held may be ` +
      "finished. An admin brings it back with unarchiveProject.",
    { projectId },
  );

export const versionConflict = (expected: number, current: number, subject = "Task") =>
  new DocketError(
    "VERSION_CONFLICT",
    `${subject} was modified by another client (expected version ${expected}, current version ${current})`,
    { expectedVersion: expected, currentVersion: current },
  );

/** Who holds the task now; all null when nobody does. */
export interface Holder {
  attempt: number | null;
  worker: string | null;
  since: Date | null;
  until: Date | null;
}

/** What a caller may do about it: the holder may show its attempt, the next session of a dead holder may take over. */
interface WayOn {
  readonly attemptMissing?: true;
  /** From when on. */
  readonly takeOverFrom?: Date;
}

export function leaseLost(what: string, holder: Holder, { attemptMissing, takeOverFrom }: WayOn): DocketError {
  const remedy = attemptMissing
    ? "Pass attempt as the claim returned it. A client that sends the same header Docket-Client-Id with each call may leave it out."
    : takeOverFrom
      ? "If that session lives, claim other work; if it died, send takeOver: true."
      : "Do not write it; claim other work.";
  return new DocketError("LEASE_LOST", `${what} ${remedy}`, {
    holder: holder.attempt === null && holder.until === null ? null : holder,
    remedy,
    ...(attemptMissing && { attemptMissing }),
    ...(takeOverFrom && { takeOverFrom }),
  });
}

export const cursorExpired = (reason: string) =>
  new DocketError(
    "CURSOR_EXPIRED",
    `${reason} Start again: query the state you need together with logCursor, then go on after that cursor.`,
  );

export const idTaken = (id: string, message = `ID ${id} is already taken in this namespace`) =>
  new DocketError("ID_TAKEN", message, { id });

/** The seeds' text. */
/** The seeds' text. @param confirmable the IDs of it that nobody has been given since. */
export const reservationExpired = (reservationId: string, confirmable: readonly string[] = []) =>
  new DocketError("RESERVATION_EXPIRED", "Reservation expired or not found", {
    reservationId,
    ...(confirmable.length > 0 && { confirmable }),
  });

export const idSpaceExhausted = (artifactType: string, namespace: string) =>
  new DocketError(
    "ID_SPACE_EXHAUSTED",
    `No ${artifactType} numbers are left in namespace ${namespace} (they end at ${artifactType}-2147483647). ` +
      "Release reservations that are not needed, use another artifact type, or give new projects a namespace of their own.",
    { artifactType, namespace },
  );

export const idempotencyKeyReused = (key: string) =>
  new DocketError(
    "IDEMPOTENCY_KEY_REUSED",
    `Idempotency key ${key} was already used for another request, or by another session. Use a new key for a new request.`,
    { idempotencyKey: key },
  );

/** The caller has too much open or asked too often; `message` says what to do about it. */
export const rateLimited = (message: string, details: Record<string, unknown> = {}) =>
  new DocketError("RATE_LIMITED", message, details);

/** The seeds' text; the connection was retried before this is said. `because` is for callers, too. */
export const databaseUnavailable = (cause: unknown, because?: string) =>
  new DocketError(
    "DATABASE_UNAVAILABLE",
    because === undefined ? "Database unavailable" : `Database unavailable: ${because}`,
    { retryable: true, retryAfterMs: 1000 },
    { cause },
  );

/** The connection was lost while the answer to a write without an idempotency key was awaited. */
export const outcomeUnknown = (cause: unknown) =>
  new DocketError(
    "DATABASE_UNAVAILABLE",
    "Database unavailable: the connection was lost before the answer came, so the change may or may not have been made. " +
      "Look before you repeat it; with an idempotencyKey, repeating is safe.",
    { retryable: false, outcomeUnknown: true },
    { cause },
  );
