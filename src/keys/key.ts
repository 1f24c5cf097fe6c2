import type { Context, Role, Viewer } from "../access/viewer.ts";
import { within } from "../access/visibility.ts";
import { isUuid } from "../db/storable.ts";

/** An API key as its admins see it; the secret itself is nowhere. */
export interface ApiKey {
  readonly keyId: string;
  readonly prefix: string;
  readonly name: string;
  readonly role: Role;
  /** null: every project. */
  readonly projectIds: readonly string[] | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

export const KEY_COLUMNS = `key_id AS "keyId", prefix, name, role, project_ids AS "projectIds", created_at AS "createdAt",
  expires_at AS "expiresAt", revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"`;

/** Still opens something. */
export const LIVE = "(revoked_at IS NULL AND (expires_at IS NULL OR expires_at > docket_now()))";

/** The keys of these ids that the viewer administers; nothing for anyone but an admin. */
export async function findApiKeys({ db, viewer }: Context, keyIds: readonly string[]): Promise<ApiKey[]> {
  if (viewer.role !== "admin") return [];
  return await db.read<ApiKey>(
    `SELECT ${KEY_COLUMNS} FROM api_keys WHERE key_id = ANY ($1::uuid[]) AND kind = 'key' AND ${within(2)}`,
    [keyIds.filter(isUuid), viewer.projectIds],
  );
}

/** The server itself, where it acts without being asked: it makes the first keys. */
export const SERVER: Viewer = {
  actor: "server",
  name: "server",
  client: null,
  keyId: null,
  role: "admin",
  projectIds: null,
  expiresAt: null,
};
