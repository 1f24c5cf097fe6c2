import type { Logger } from "pino";
import { currentScope } from "./request-scope.ts";

/**
 * The last guard of the process: an error that nobody handled ends the connection on whose behalf the code ran, and
 * nothing else. One that belongs to no connection leaves the process in a state that nobody knows: it ends, as it would
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
    logger.fatal({ err: error }, "an uncaught error: the process ends");
    process.exit(1);
  });
}
