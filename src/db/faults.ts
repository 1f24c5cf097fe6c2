import { isDriverAdapterError } from "@prisma/driver-adapter-utils";
import { DocketError } from "../errors.ts";
import { RequestStopped } from "./requester.ts";

/**
 * What an error of the database means, whichever way the statement took (`pg` or Prisma):
 * lost: the connection is gone or cannot be made, and the statement may have been done or not.
 * conflict: the statement lost against another transaction, was not done, and succeeds on a new try.
 * refused: the server is there and cannot do it now (its disk is full, the time is over); it was not done.
 */
export type Fault = "lost" | "conflict" | "refused";

/** The SQLSTATE of a server whose disk, or a limit on it, is full. */
export const DISK_FULL = "53100";
/** Whether a file could not be written for want of space on its disk. */
export const hasNoSpace = (error: unknown): boolean => ["ENOSPC", "EDQUOT"].includes(errorCode(error) ?? "");

/** Whether something failed for want of space on the disk, or of descriptors: it says nothing of what it was about. */
export function hasNoRoom(error: unknown): boolean {
  return hasNoSpace(error) || [DISK_FULL, "EMFILE", "ENFILE"].includes(errorCode(error) ?? "");
}

/** The database named in the URL does not exist (invalid_catalog_name). */
export const NO_SUCH_DATABASE = "3D000";
export const UNDEFINED_TABLE = "42P01";

/** The SQLSTATE of a key that is there already: somebody else was first. */
export const UNIQUE_VIOLATION = "23505";

/** The SQLSTATE of a statement that took longer than it may. */
export const STATEMENT_ENDED = "57014";

/** The SQLSTATE of a transaction that lost against another, and is run again. */
export const SERIALIZATION_FAILURE = "40001";

/** SQLSTATEs, codes of the operating system, and Prisma's own (P…) where it drops those. */
const FAULTS: readonly (readonly [Fault, RegExp])[] = [
  // Shut down, starting up, crashed, dropped, idle for too long; connection exceptions; too many connections.
  ["lost", /^(57P0[1-5]|08\d{3}|08P01|25P0[34]|53300)$/],
  ["lost", /^(ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/],
  // Node's own, of a socket that is closed by the time something is written to it.
  ["lost", /^ERR_STREAM_/],
  ["lost", /^P(1001|1002|1008|1017|2037)$/],
  // The pool's own errors, of which Prisma keeps the code only.
  ["lost", /^(DATABASE_UNAVAILABLE|QUERY_TOO_COMPLEX)$/],
  // Serialization failure, deadlock, lock not available.
  ["conflict", /^(40001|40P01|55P03)$/],
  ["conflict", /^P2034$/],
  // Out of disk, memory and other resources; input and output errors; the time of a statement or transaction is over;
  // a server that is a read-only copy since a failover.
  ["refused", /^(53\d{3}|58000|58030|57014|25006)$/],
  ["refused", /^P(2024|2028)$/],
];

/** The driver says these without a code. */
const LOST_TEXT =
  /Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable/i;

/**
 * SQLSTATE of a server's error, the operating system's code of a failed connection, or Prisma's where it knows neither;
 * undefined for anything else.
 */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof DocketError && error.cause !== undefined) return errorCode(error.cause);
  // Node tries each address of a host and reports all failures together.
  if (error instanceof AggregateError) return errorCode(error.errors[0]);
  if (!(error instanceof Error)) return undefined;
  if (isDriverAdapterError(error)) return error.cause.originalCode;
  const behind = "meta" in error ? errorCode(driverErrorOf(error.meta)) : undefined;
  return behind ?? ("code" in error && typeof error.code === "string" ? error.code : undefined);
}

/** Prisma keeps what the driver threw here. */
function driverErrorOf(meta: unknown): unknown {
  return typeof meta === "object" && meta !== null && "driverAdapterError" in meta
    ? meta.driverAdapterError
    : undefined;
}

/** What an error means, undefined for one that is none of the database's condition. */
export function faultOf(error: unknown): Fault | undefined {
  if (!(error instanceof Error)) return undefined;
  // Another request's, whose statement was sent together with this one's.
  if (error instanceof RequestStopped) return "lost";
  if (error instanceof DocketError)
    return error.code === "DATABASE_UNAVAILABLE" ? (faultOf(error.cause) ?? "lost") : undefined;
  const code = errorCode(error);
  // Texts count only where there is no code: an error with a code may quote what a caller wrote.
  if (code !== undefined) return FAULTS.find(([, codes]) => codes.test(code))?.[0];
  return LOST_TEXT.test(error.message) ? "lost" : faultOf(error.cause);
}

export function isConnectionLost(error: unknown): boolean {
  return faultOf(error) === "lost";
}
