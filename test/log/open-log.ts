import { KeyValidity } from "../../src/keys/validity.ts";
import { systemClock } from "../../src/log/clock.ts";
import { type Log, type LogOptions, openLog } from "../../src/log/log.ts";
import { visibilityOfEvents } from "../../src/projects/visibility-of-events.ts";

type Given = Pick<LogOptions, "database" | "listenUrl"> & Partial<LogOptions>;

export const silent = { info: () => undefined, error: () => undefined };

/** A log whose readers are those of a server. */
export function openServerLog({ logger = silent, clock = systemClock, ...given }: Given): Promise<Log> {
  const validity = new KeyValidity(given.database, clock, logger);
  return openLog({ visibility: visibilityOfEvents(given.database), validity, logger, clock, ...given });
}
