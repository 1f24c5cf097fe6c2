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
  return pino(options, destination ?? eachTurn(pino.destination(1)));
}

/** The lines of one turn of the event loop are written together at its end, and those of the last before the process ends. */
function eachTurn(destination: DestinationStream): DestinationStream {
  let lines = "";
  const flush = () => {
    const written = lines;
    lines = "";
    if (written !== "") destination.write(written);
  };
  process.once("exit", flush);
  return {
    write(line) {
      if (lines === "") setImmediate(flush);
      lines += line;
    },
  };
}
