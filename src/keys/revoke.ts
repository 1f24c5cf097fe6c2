import { verb } from "../access/verb.ts";
import type { Context, Role } from "../access/viewer.ts";
import { within } from "../access/visibility.ts";
import type { Db } from "../db/database.ts";
import { isUuid } from "../db/storable.ts";
import { forbidden, notFound } from "../errors.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { type ApiKey, KEY, LIVE } from "./key.ts";

export interface RevokeApiKey {
  readonly keyId: string;
}

/**
 * Ends a key at once, with the browser sessions and sign-in links that it opened and every stream of them. Revoking it
 * again changes nothing. The last unlimited admin key is kept: without it nobody could make another.
 * @throws FORBIDDEN; NOT_FOUND for a key that does not exist or reaches beyond the viewer's projects.
 */
export const revokeApiKey = verb(
  { name: "revokeApiKey", role: "admin", effect: "ends", scope: "projects", idempotent: true, on: lockKey },
  async (ctx, _input: RevokeApiKey, { keyId, projectIds, isLastAdmin }) => {
    if (isLastAdmin)
      throw forbidden(
        "This is the last admin key without a limit to projects; nobody could make another after it. " +
          "Create one with createApiKey, then revoke this.",
      );
    await endKey(ctx, keyId);
    return { keyId, projectIds };
  },
);

interface LockedKey extends Pick<ApiKey, "keyId" | "name" | "expiresAt"> {
  readonly role: Role;
  /** null: every project. */
  readonly projectIds: string[] | null;
  readonly isLive: boolean;
}

/** The key or session, for who administers it. @throws NOT_FOUND */
export async function lockKey({ db, viewer }: Context, { keyId }: RevokeApiKey) {
  const admins = await lockUnlimitedAdmins(db);
  const [key] = isUuid(keyId)
    ? await db.write<LockedKey>(
        `SELECT key_id AS "keyId", name, role, project_ids AS "projectIds", expires_at AS "expiresAt",
           ${LIVE} AND kind = 'key' AS "isLive"
         FROM api_keys
         WHERE key_id = $1 AND kind <> 'sign_in' AND ${within(2)} FOR UPDATE`,
        [keyId, viewer.projectIds],
      )
    : [];
  if (!key) throw notFound("ApiKey", keyId);
  return { ...key, isLastAdmin: admins.length === 1 && admins[0] === key.keyId };
}

/** Revokes a key or session with all that it opened; nothing happens and nothing is logged when it has ended already. */
export async function endKey(ctx: Context, keyId: string): Promise<void> {
  const ended = await changeEnd(ctx, keyId, "revokedAt", "revoked_at = docket_now()");
  if (ended.keyIds.length === 0) return;
  await append(ctx, {
    type: "key.revoked",
    projectId: null,
    subjectType: "api_key",
    subjectId: keyId,
    // The hub of every process ends the streams of these.
    payload: { ...ended },
  });
}

/** What became of a key's end. */
interface ChangedEnd {
  /** The key, and what it opened, as far as they had not been revoked. */
  readonly keyIds: readonly string[];
  /** Of the key itself. */
  readonly changes: Changes;
}

/** @param assignment SQL of `api_keys k` for the SET list; it may use $2 and on. */
export async function changeEnd(
  { db }: Context,
  keyId: string,
  field: "expiresAt" | "revokedAt",
  assignment: string,
  values: readonly unknown[] = [],
): Promise<ChangedEnd> {
  const document = KEY.document("k", [field]);
  const rows = await db.write<{ keyId: string; changes: Changes }>(
    `WITH before AS (
       SELECT k.key_id, ${document} AS document FROM api_keys k
       WHERE k.revoked_at IS NULL AND (k.key_id = $1 OR k.issued_by = $1) ORDER BY k.key_id FOR NO KEY UPDATE
     )
     UPDATE api_keys k SET ${assignment} FROM before WHERE k.key_id = before.key_id
     RETURNING k.key_id AS "keyId", changes_between(before.document, ${document}) AS changes`,
    [keyId, ...values],
  );
  return {
    keyIds: rows.map((row) => row.keyId),
    changes: rows.find((row) => row.keyId === keyId)?.changes ?? {},
  };
}

/** In one order, so that two admins who revoke each other's keys wait for one another and one of them is refused. */
async function lockUnlimitedAdmins(db: Db): Promise<string[]> {
  const rows = await db.write<{ key_id: string }>(
    `SELECT key_id FROM api_keys
     WHERE kind = 'key' AND role = 'admin' AND project_ids IS NULL AND ${LIVE} ORDER BY key_id FOR UPDATE`,
  );
  return rows.map((row) => row.key_id);
}
