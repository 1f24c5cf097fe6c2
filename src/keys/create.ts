import { nothing, verb } from "../access/verb.ts";
import type { Context, Role } from "../access/viewer.ts";
import { checkProjects } from "../access/visibility.ts";
import { isBlank } from "../db/storable.ts";
import { badInput, forbidden } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { makeSecret, type Secret } from "./secret.ts";

export interface CreateApiKey {
  readonly name: string;
  readonly role: Role;
  /** null: every project. */
  readonly projectIds?: readonly string[] | null | undefined;
  readonly expiresAt?: Date | null | undefined;
}

export interface CreatedApiKey {
  readonly keyId: string;
  readonly projectIds: readonly string[] | null;
  /** Shown this once; null in a replayed answer, as only its hash is kept. */
  readonly secret: string | null;
}

/**
 * Makes an API key. It reaches no further than the key that makes it, and does not outlive it.
 * @throws FORBIDDEN, BAD_USER_INPUT, PROJECT_NOT_FOUND, IDEMPOTENCY_KEY_REUSED
 */
export const createApiKey = verb(
  { name: "createApiKey", role: "admin", effect: "adds", scope: "projects", idempotent: false, on: nothing },
  async (ctx, input: CreateApiKey): Promise<CreatedApiKey> => {
    const made = makeSecret("key");
    const projectIds = await checkProjects(ctx, "key", input.projectIds);
    await refuseOutliving(ctx, input.expiresAt ?? null);
    const keyId = await insertKey(ctx, made, { ...input, name: checkName(input.name), projectIds });
    return { keyId, projectIds, secret: made.text };
  },
  (created) => ({ ...created, secret: null }),
);

/** Stores a key and its event, without asking whether the viewer may. */
export async function insertKey(
  ctx: Context,
  { prefix, hash }: Secret,
  { name, role, projectIds = null, expiresAt = null }: CreateApiKey,
): Promise<string> {
  const [row] = await ctx.db.write<{ key_id: string }>(
    `INSERT INTO api_keys (prefix, hash, name, role, project_ids, expires_at)
     SELECT $1, $2, $3, $4, $5, $6 WHERE $6::timestamptz IS NULL OR $6 > docket_now() RETURNING key_id`,
    [prefix, hash, name, role, projectIds, expiresAt],
  );
  if (!row) throw badInput("expiresAt must be in the future.");
  await append(ctx, {
    type: "key.created",
    projectId: null,
    subjectType: "api_key",
    subjectId: row.key_id,
    payload: { prefix, name, role, projectIds, expiresAt },
  });
  return row.key_id;
}

/** A browser's session stands for the key that opened it. A token's subject lives as long as its issuer says. */
export async function refuseOutliving({ db, viewer }: Context, expiresAt: Date | null): Promise<void> {
  const [maker] = await db.read<{ expires_at: Date | null }>(
    `SELECT maker.expires_at FROM api_keys k JOIN api_keys maker ON maker.key_id = coalesce(k.issued_by, k.key_id)
     WHERE k.key_id = $1`,
    [viewer.keyId],
  );
  const until = maker?.expires_at ?? null;
  if (until === null || (expiresAt !== null && expiresAt <= until)) return;
  throw forbidden(
    `Your key ends at ${until.toISOString()}: give expiresAt up to then, as a key cannot outlive the one that makes it.`,
  );
}

function checkName(given: string): string {
  const name = given.trim();
  if (name.length > 100 || isBlank(name)) throw badInput("name must have 1 to 100 characters, and something to read.");
  return name;
}
