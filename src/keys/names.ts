import type { Db } from "../db/database.ts";

/** The prefix of the key that an actor (`dk_1a2B3c4D/ci`) is; null when it is none. */
export const prefixOf = (actor: string): string | null => /^dk_\w{8}(?=\/)/.exec(actor)?.[0] ?? null;

const NAMES = { name: "key-names", text: "SELECT prefix, name FROM api_keys WHERE prefix = ANY ($1::text[])" };

/** What the keys of these prefixes are called now, in their order; null where there is none. */
export async function keyNames(db: Db, prefixes: readonly string[]): Promise<(string | null)[]> {
  const rows = await db.read<{ prefix: string; name: string }>(NAMES, [prefixes]);
  const found = new Map(rows.map(({ prefix, name }) => [prefix, name]));
  return prefixes.map((prefix) => found.get(prefix) ?? null);
}
