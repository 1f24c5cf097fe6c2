import { type Context, type Role, requireRole } from "../access/viewer.ts";
import { checkProjects } from "../access/visibility.ts";
import { once } from "../db/idempotency.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/append.ts";
import { makeSecret, type Secret } from "./secret.ts";

export interface CreateApiKey {
  readonly name: string;
  readonly role: Role;
  /** null: every project. */
  readonly projectIds?: readonly string[] | null | undefined;
  readonly expiresAt?: Date | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

export interface CreatedApiKey {
  readonly keyId: string;
  /** Shown this once; null in a replayed answer, as only its hash is kept. */
  readonly secret: string | null;
  readonly replayed: boolean;
}

/**
 * Makes an API key. An admin that is limited to some projects makes keys for those only.
 * @throws FORBIDDEN, BAD_USER_INPUT, PROJECT_NOT_FOUND, IDEMPOTENCY_KEY_REUSED
 */
export async function createApiKey(ctx: Context, input: CreateApiKey): Promise<CreatedApiKey> {
  let secret: string | null = null;
  const answer = await once(ctx, { operation: "createApiKey", input }, async (inside) => {
    requireRole(inside.viewer, "admin");
    const made = makeSecret("key");
    const projectIds = await checkProjects(inside, "key", input.projectIds);
    const keyId = await insertKey(inside, made, { ...input, name: checkName(input.name), projectIds });
    secret = made.text;
    // What is returned here is stored with the idempotency key: never the secret.
    return { keyId };
  });
  return { ...answer, secret: answer.replayed ? null : secret };
}

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

function checkName(given: string): string {
  const name = given.trim();
  if (name.length < 1 || name.length > 100) throw badInput("name must have 1 to 100 characters.");
  return name;
}
