import { hash } from "node:crypto";
import type { Statement } from "./database.ts";

/** So many texts are prepared by every connection, and stay in its memory; the rest is planned each time. */
const MOST = 100;
/** Texts that are looked at, before those that came once are forgotten. */
const MOST_SEEN = 1_000;

const names = new Map<string, string>();
const seen = new Set<string>();

/**
 * A statement whose text depends on what is asked for: prepared by each connection once the same text comes again, for
 * as many texts as there is room for. Its values must all be bound.
 */
export function prepared(text: string): Statement {
  const name = names.get(text);
  if (name !== undefined) return { name, text };
  if (names.size < MOST && seen.has(text)) names.set(text, `asked-${hash("sha256", text).slice(0, 32)}`);
  else if (seen.size < MOST_SEEN) seen.add(text);
  else seen.clear();
  return text;
}
