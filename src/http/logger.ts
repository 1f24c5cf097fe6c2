import { type DestinationStream, type Logger, pino } from "pino";
import type { Config } from "../config.ts";

/** The server's log: one JSON object per line, time and level first, on stdout unless told otherwise. */
export function createLogger({ level }: Config["log"], destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination ? pino(options, destination) : pino(options);
}
