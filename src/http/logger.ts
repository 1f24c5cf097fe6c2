import { type DestinationStream, type Logger, pino } from "pino";
import type { LoggerConfig } from "../config/logger.ts";
import { redact } from "../keys/redact.ts";

/**
 * The server's log: one JSON object per line, time and level first, on stdout unless told otherwise. Whatever a line
 * was made of, it shows no secret of a caller.
 */
export function createLogger({ level }: LoggerConfig, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: redact },
  };
  return destination ? pino(options, destination) : pino(options);
}
