import type { ApiKey } from "../../prisma/generated/client/client.ts";
import { type Context, ROLES } from "../access/viewer.ts";
import { within } from "../access/visibility.ts";
import type { Db } from "../db/database.ts";
import { type FieldsOf, noun } from "../db/noun.ts";
import { isUuid } from "../db/storable.ts";

export type { ApiKey };

const OF_KEY = {
  keyId: { set: "server", shown: "ID", description: "Names the key in rotateApiKey and revokeApiKey." },
  prefix: { set: "server", description: "The start of the secret, by which it is known in events and logs." },
  name: { set: "server", description: "What it is for, 1 to 100 characters." },
  role: { set: "server", choice: ROLES, description: "What it may do." },
  projectIds: {
    set: "server",
    shown: "ID",
    limit: true,
    description: "The projects it sees; null: every project.",
  },
  createdAt: { set: "server", description: "When it was made." },
  expiresAt: { set: "server", description: "When it stops working by itself; null: never." },
  revokedAt: { set: "server", description: "When it was ended; null: it has not been." },
  lastUsedAt: { set: "server", description: "When it was last used, to the minute; null: never." },
} as const satisfies FieldsOf<ApiKey>;

/** An API key as its admins see it. In statements the table is `k`. Its hash is no field: the read side never has it. */
export const KEY = noun("ApiKey", "k", OF_KEY);

/** How long a key goes on that has been replaced, in seconds. */
export const OVERLAP_SECONDS = 24 * 60 * 60;
export const MOST_OVERLAP_SECONDS = 30 * OVERLAP_SECONDS;

/** Still opens something. */
export const LIVE = "(revoked_at IS NULL AND (expires_at IS NULL OR expires_at > docket_now()))";

/** The keys of these ids that the viewer administers; nothing for anyone but an admin. */
export async function findApiKeys({ db, viewer }: Context, keyIds: readonly string[]): Promise<ApiKey[]> {
  if (viewer.role !== "admin") return [];
  return await db.read<ApiKey>(
    `SELECT ${KEY.select()} FROM api_keys k WHERE key_id = ANY ($1::uuid[]) AND kind = 'key' AND ${within(2)}`,
    [keyIds.filter(isUuid), viewer.projectIds],
  );
}

/** The keys of these ids, whoever asks, in their order; null where there is none. */
export async function apiKeysNow(db: Db, keyIds: readonly string[]): Promise<(ApiKey | null)[]> {
  const rows = await db.read<ApiKey>(
    `SELECT ${KEY.select()} FROM api_keys k WHERE key_id = ANY ($1::uuid[]) AND kind = 'key'`,
    [keyIds],
  );
  const found = new Map(rows.map((key) => [key.keyId, key]));
  return keyIds.map((id) => found.get(id) ?? null);
}
