import type { Logger } from "pino";
import { currentScope } from "./request-scope.ts";

/** The operating system's codes for a connection that broke: the connection has ended with it. */
const BROKEN = new Set(["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT"]);

/**
 * The last guard of the process: an error that nobody handled ends the connection on whose behalf the code ran, or that
 * broke, and nothing else. One that belongs to no connection leaves the process in a state that nobody knows: it ends, as it would
 * without the guard.
 */
export function guardProcess(logger: Logger): void {
  process.on("uncaughtException", (error) => {
    const scope = currentScope();
    if (scope) {
      logger.error({ request_id: scope.requestId, err: error }, "an uncaught error: its connection ends");
      scope.hangUp();
      return;
    }
    if ("code" in error && BROKEN.has(String(error.code))) {
      logger.error({ err: error }, "an uncaught error of a connection that broke");
      return;
    }
    logger.fatal({ err: error }, "an uncaught error: the process ends");
    process.exit(1);
  });
}
