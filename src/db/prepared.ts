import { hash } from "node:crypto";
import type { Statement } from "./database.ts";

/** So many texts are prepared by every connection, those that were asked for last; the rest is planned each time. */
const MOST = 100;
/** Texts that are looked at, before those that came once are forgotten. */
const MOST_SEEN = 1_000;

/** The text that was asked for last stands last. */
const names = new Map<string, string>();
const seen = new Set<string>();

/**
 * A statement whose text depends on what is asked for: prepared by each connection once the same text comes again, and
 * until as many others have come after it. Its values must all be bound.
 */
export function prepared(text: string): Statement {
  const name = names.get(text);
  if (name !== undefined) {
    names.delete(text);
    names.set(text, name);
    return { name, text };
  }
  if (seen.delete(text)) {
    names.set(text, `asked-${hash("sha256", text).slice(0, 32)}`);
    for (const [oldest] of names) if (names.size > MOST) names.delete(oldest);
  } else {
    if (seen.size === MOST_SEEN) seen.clear();
    seen.add(text);
  }
  return text;
}
