import { setTimeout as pause } from "node:timers/promises";
import { DocketError, databaseUnavailable, outcomeUnknown } from "../errors.ts";

/** A lost connection is tried again after these pauses (the seeds' 100, 200, 400 ms), then it is "Database unavailable". */
const RETRY_PAUSES_MS = [100, 200, 400] as const;

/** Transactions that lost against another one: the same work succeeds on a new try. */
const SERIALIZATION_FAILURE = "40001";
const DEADLOCK_DETECTED = "40P01";
const LOCK_NOT_AVAILABLE = "55P03";
/** The time limit of a statement. */
const QUERY_CANCELED = "57014";
/** How often a transaction that lost is run again, each time after a random pause. */
const CONFLICT_RETRIES = 8;
/** And for how long: a lock's own time limit makes each try a long one, and callers wait five seconds. */
const CONFLICT_PATIENCE_MS = 3_000;

/** Socket errors and SQLSTATE classes that say "the connection is gone or cannot be made". */
const LOST =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN|57P0[123]|0800[01346]|53300)$/;
/** The driver says these without a code, also behind a Prisma error. */
const LOST_TEXT =
  /Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error|Can't reach database server|Server has closed the connection|not queryable/i;

/** Prisma's own codes (P1001 …) look alike and say less than its text. */
const SQLSTATE = /^(?!P[1-9])[0-9A-Z]{5}$/;

/** SQLSTATE of a server's error, or the operating system's code of a failed connection; undefined for anything else. */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof DocketError && error.cause !== undefined) return errorCode(error.cause);
  // Node tries each address of a host and reports all failures together.
  if (error instanceof AggregateError) return errorCode(error.errors[0]);
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return undefined;
}

/**
 * Texts count only where there is no code: an error with a SQLSTATE may quote what a caller wrote, and so may one of
 * our own for callers.
 */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof DocketError) return error.code === "DATABASE_UNAVAILABLE";
  const code = errorCode(error);
  if (code !== undefined && LOST.test(code)) return true;
  if (code !== undefined && SQLSTATE.test(code)) return false;
  return LOST_TEXT.test(error.message) || isConnectionLost(error.cause);
}

function isConflict(error: unknown): boolean {
  const code = errorCode(error);
  return code === SERIALIZATION_FAILURE || code === DEADLOCK_DETECTED || code === LOCK_NOT_AVAILABLE;
}

/** Runs `work`, again after each pause while the connection is lost and `again(error)` says that this is safe. */
export async function withReconnect<T>(work: () => Promise<T>, again: (error: unknown) => boolean = () => true) {
  for (const ms of [...RETRY_PAUSES_MS, null]) {
    try {
      return await work();
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
      if (!again(error)) throw outcomeUnknown(error);
      if (ms === null) throw databaseUnavailable(error);
      await pause(ms);
    }
  }
  throw new Error("unreachable");
}

/**
 * Runs `work` again, with a growing random pause, while it only lost against another transaction.
 * @throws DATABASE_UNAVAILABLE when it kept losing or a statement ran out of time: nothing was changed.
 */
export async function withConflictRetry<T>(work: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + CONFLICT_PATIENCE_MS;
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (errorCode(error) === QUERY_CANCELED) throw databaseUnavailable(error);
      if (!isConflict(error)) throw error;
      if (tries >= CONFLICT_RETRIES || performance.now() > giveUpAt) throw databaseUnavailable(error);
      await pause(Math.random() * 10 * 2 ** tries);
    }
  }
}
