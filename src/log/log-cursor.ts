import { keptFor } from "../kept-for.ts";
import type { Log } from "./log.ts";

/**
 * The cursor of now, once per request: called before the operation runs, it is older than all that its fields read, so
 * a reader that goes on after it misses nothing.
 * @throws DATABASE_UNAVAILABLE
 */
export const takeLogCursor = keptFor(({ log }: { readonly log: Log }) => log.cursor());
