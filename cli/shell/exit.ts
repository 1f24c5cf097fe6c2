import { constants } from "node:os";
import { NoAnswerError, ServerError } from "../../client/faults.ts";
import { ClientConfigError } from "../../client/node/config.ts";

/** How a command ends, for scripts. */
export const EXIT = {
  done: 0,
  /** The server said no, or it went wrong. */
  refused: 1,
  /** The command was not called rightly, or settings are missing. */
  usage: 2,
  /** There is nothing to do now. */
  nothing: 3,
  /** The server cannot be reached, or cannot answer now. */
  unreachable: 4,
} as const;

/** The command was not called rightly; the message says how. */
export class UsageFault extends Error {
  override readonly name = "UsageFault";
}

/** There is nothing to do now; the message says why, and is empty where that has been printed. */
export class NothingToDo extends Error {
  override readonly name = "NothingToDo";
}

/** It went wrong, and the message says how. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** A signal ended it, in order. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  readonly exitCode: number;

  constructor(signal: keyof typeof constants.signals, message: string) {
    super(message);
    this.exitCode = 128 + constants.signals[signal];
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof Stopped) return error.exitCode;
  if (error instanceof NothingToDo) return EXIT.nothing;
  if (error instanceof UsageFault || error instanceof ClientConfigError) return EXIT.usage;
  if (error instanceof NoAnswerError) return EXIT.unreachable;
  if (error instanceof ServerError && error.is("DATABASE_UNAVAILABLE")) return EXIT.unreachable;
  return EXIT.refused;
}

/** What a program reads about a failure. */
export function faultForPrograms(error: unknown) {
  const message = messageOf(error);
  if (error instanceof ServerError) return { error: { ...error.extensions, code: error.code, message } };
  if (error instanceof NoAnswerError) return { error: { code: "UNREACHABLE", reason: error.reason, message } };
  return { error: { code: exitCodeOf(error) === EXIT.usage ? "USAGE" : "FAULT", message } };
}

/** What a person reads about it, with what to do next. */
export function faultForPeople(error: unknown): string {
  const message = messageOf(error);
  if (error instanceof NoAnswerError && error.reason === "refused")
    return `${message}\nStart a server with \`docket start\`, or name another one: --server, DOCKET_URL or \`docket login\`.`;
  if (error instanceof ServerError && error.is("UNAUTHENTICATED"))
    return `${message}\nThe key is not (or no longer) good there; \`docket whoami\` says which one was sent.`;
  // The server's advice is for those who write GraphQL.
  if (error instanceof ServerError && error.is("PROJECT_NOT_FOUND"))
    return `${message.replace(/ Query projects .*$/, "")}\n\`docket projects\` lists those that this key sees.`;
  return message;
}

/** A failure's message says what to do. A TypeError or ReferenceError is a fault in this code, and needs its stack. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const ours = error instanceof TypeError || error instanceof ReferenceError;
  return ours ? (error.stack ?? error.message) : error.message;
}
