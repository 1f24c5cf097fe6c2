import type { Log } from "./log.ts";

/** The cursor of each request that asked for one. */
const taken = new WeakMap<object, Promise<string>>();

/**
 * The cursor of now, once per request: called before the operation runs, it is older than all that its fields read, so
 * a reader that goes on after it misses nothing.
 * @throws DATABASE_UNAVAILABLE
 */
export function takeLogCursor(request: { readonly log: Log }): Promise<string> {
  const cursor = taken.get(request) ?? request.log.cursor();
  taken.set(request, cursor);
  return cursor;
}
