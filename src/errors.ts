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

/** What the codes mean, for readers of the schema: each is a value of its enum ErrorCode. */
export const ERROR_CODES = {
  UNAUTHENTICATED: { description: "No valid key or token came with the request, or it has ended." },
  FORBIDDEN: {
    description: "The key's role, or its limit to some projects, does not allow it; the message says which.",
  },
  BAD_USER_INPUT: { description: "What was sent is wrong; the message says what, and what would be right." },
  PROJECT_NOT_FOUND: {
    description: "No project has this id, or it is outside the key's projects. extensions: projectId.",
  },
  TASK_NOT_FOUND: {
    description:
      "No task has this id in the projects that the key sees, or it was deleted. extensions: taskId, and projectId if it was given.",
  },
  NOT_FOUND: {
    description:
      "Nothing of this kind has this id, or it is outside what the key sees: webhooks, deliveries and keys; projects, tasks and reservations have codes of their own. extensions: kind (a type of this schema, like Webhook) and id.",
  },
  AMBIGUOUS_TASK_ID: {
    description:
      "Several projects have a task of this id, or the caller does not hold the one there is: say which with projectId. extensions: taskId, projectIds, remedy.",
  },
  INVALID_STATUS_TRANSITION: {
    description: "The task's status cannot change like that. extensions: from, to, remedy.",
  },
  NOT_READY: {
    description:
      "The task cannot be claimed now. extensions: reasons, each with reason (a ReadyReason), message, until, and the task that it is about where the key sees it.",
  },
  PROJECT_ARCHIVED: {
    description:
      "The project hands out no work and no IDs and takes no new tasks until unarchiveProject. extensions: projectId.",
  },
  DEPENDENCY_CYCLE: {
    description:
      "The tasks would wait for each other in a circle. extensions: circle, the tasks on it as {projectId, taskId}, those that were to be added as {item, key} by their place in the call, null for one that the key does not see, and remedy.",
  },
  VERSION_CONFLICT: {
    description:
      "Somebody else changed it since it was read: read it again. extensions: expectedVersion, currentVersion.",
  },
  LEASE_LOST: {
    description:
      "The attempt has ended, or somebody else holds the task: stop working on it. extensions: holder (attempt's number, worker, since, until; null when nobody holds it), remedy; attemptMissing where the attempt itself was not sent; takeOverFrom, from when on takeOver may have it; usageCounted, where the call said what was used: whether it counts for the attempt that has ended.",
  },
  CURSOR_EXPIRED: {
    description:
      "The log no longer has that place: query the state again together with logCursor, and go on after that.",
  },
  ID_TAKEN: { description: "Somebody else has this artifact ID or task ID already. extensions: id." },
  RESERVATION_EXPIRED: {
    description:
      "The reservation has expired, or was released, or there is none that the key sees. extensions: reservationId, and confirmable: those of its IDs that nobody was given since.",
  },
  ID_SPACE_EXHAUSTED: {
    description:
      "No number is left for this artifact type in the namespace; they end at 2147483647. extensions: artifactType, namespace.",
  },
  IDEMPOTENCY_KEY_REUSED: {
    description:
      "The idempotencyKey came with another request before, or from another session. extensions: idempotencyKey.",
  },
  RATE_LIMITED: {
    description:
      "Too much at once, or too much in a minute; the message says of what. extensions: retryAfterMs, in milliseconds.",
  },
  QUERY_TOO_COMPLEX: {
    description: "The request asks for more than one request may; the message says what to lower.",
  },
  DATABASE_UNAVAILABLE: {
    description:
      "The database could not be reached, after several tries, or has said nothing for five seconds. Where the answer to a change was lost, retryable is false and outcomeUnknown true: look before you repeat it, or repeat it with the same idempotencyKey.",
  },
  INTERNAL: { description: "A fault of the server; its log tells more under requestId. extensions: requestId." },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

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

/** Nouns without a code of their own, by their type in the schema: what people call one, and how to find those there are. */
const NOUNS = {
  ApiKey: { called: "API key", look: "apiKeys { nodes { keyId name } }" },
  Webhook: { called: "Webhook", look: "webhooks { nodes { webhookId url } }" },
  WebhookDelivery: { called: "Delivery of event", look: "deliveries { nodes { eventId } } of the webhook" },
  Reminder: { called: "Reminder", look: "reminders { nodes { reminderId triggerAt } }" },
  Vendor: { called: "Vendor", look: "vendors { nodes { name } }", named: true },
  Enhancement: { called: "Enhancement", look: "enhancements { nodes { enhancementId title } }" },
  Deployment: { called: "Deployment", look: "deployments { nodes { deploymentId } }" },
} as const;

/** Unknown and foreign answer alike. */
export function notFound(kind: keyof typeof NOUNS, id: string): DocketError {
  const { called, look, ...noun } = NOUNS[kind];
  const remedy = `Query ${look} for those you see.`;
  // What people give a name to is missed by that alone.
  if ("named" in noun) return new DocketError("NOT_FOUND", `${called} not found: ${shown(id)}`, { kind, id, remedy });
  return new DocketError("NOT_FOUND", `${called} ${shown(id)} not found. ${remedy}`, { kind, id });
}

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

/** An error with the place in the input that it is about. */
export const errorAt = (place: string, { code, message, details }: DocketError) =>
  new DocketError(code, `${place}: ${message}`, details);

export const projectArchived = (projectId: string) =>
  new DocketError(
    "PROJECT_ARCHIVED",
    `Project ${projectId} is archived: it hands out no work and no IDs and takes no new tasks; what is held may be ` +
      "finished. An admin brings it back with unarchiveProject.",
    { projectId },
  );

/** A parent must not lie below its child. */
export const circularParent = (parentTaskId: string) =>
  new DocketError(
    "DEPENDENCY_CYCLE",
    `Cannot set parent ${parentTaskId}: would create circular reference (parent is descendant)`,
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

/** @param confirmable the IDs of it that nobody has been given since. */
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

export const tooManyBelow = (most: number) =>
  new DocketError(
    "QUERY_TOO_COMPLEX",
    `The subtrees that are asked for hold more than ${most} tasks together: ask for those of fewer tasks, or of their children.`,
  );

export const tooManyOpen = (most: number) =>
  new DocketError(
    "QUERY_TOO_COMPLEX",
    `The project, with what it waits for, has more than ${most} open tasks: too many to look for their longest chain.`,
  );

/** The connection was retried before this is said. `because` is for callers, too. */
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
