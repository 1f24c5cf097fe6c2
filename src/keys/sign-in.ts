import { actAs, acting } from "../access/act-as.ts";
import type { Context, Viewer } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import { unauthenticated } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { actorOf } from "./authenticate.ts";
import { LIVE } from "./key.ts";
import { endKey } from "./revoke.ts";
import { hashOf, looksLikeApiKey, makeSecret } from "./secret.ts";

/** How long a browser stays signed in, in seconds; never longer than the key that opened the session lives. */
export const SESSION_SECONDS = 12 * 60 * 60;
/** How long a sign-in link may be used, in minutes. */
export const LINK_MINUTES = 10;

/** A text that opens one session in the name of a key, once, within `LINK_MINUTES`. */
export async function createSignInToken(db: Db, keyId: string): Promise<string> {
  const { text, prefix, hash } = makeSecret("sign_in");
  await db.write(
    `INSERT INTO api_keys (kind, prefix, hash, name, role, project_ids, issued_by, expires_at)
     SELECT 'sign_in', $2, $3, name, role, project_ids, key_id, docket_now() + make_interval(mins => $4)
     FROM api_keys WHERE key_id = $1`,
    [keyId, prefix, hash, LINK_MINUTES],
  );
  return text;
}

/**
 * Opens a browser session with a sign-in token, which is spent by it, or with an API key.
 * @returns the session's secret, for the cookie.
 * @throws UNAUTHENTICATED when the token is spent or too old, or the key is unknown, revoked or expired.
 */
export async function openSession(db: Db, credential: string, correlationId: string): Promise<string> {
  return await db.transaction(async (tx) => {
    const issuer = looksLikeApiKey(credential) ? await liveKey(tx, credential) : await spend(tx, credential);
    const { text, prefix, hash } = makeSecret("session");
    const [session] = await tx.write<{ key_id: string }>(
      `INSERT INTO api_keys (kind, prefix, hash, name, role, project_ids, issued_by, expires_at)
       SELECT 'session', $2, $3, name, role, project_ids, key_id,
         least(expires_at, docket_now() + make_interval(secs => $4))
       FROM api_keys WHERE key_id = $1 RETURNING key_id`,
      [issuer.keyId, prefix, hash, SESSION_SECONDS],
    );
    const viewer: Viewer = { ...issuer, actor: actorOf(issuer), client: null, expiresAt: null };
    const ctx = { db: tx, viewer, correlationId };
    await actAs(ctx);
    await append(ctx, {
      type: "key.created",
      projectId: null,
      subjectType: "api_key",
      subjectId: session?.key_id ?? "",
      payload: { kind: "session", prefix, issuedBy: issuer.keyId },
    });
    return text;
  });
}

/** Ends the viewer's own session and its streams. A viewer with an API key has none, and keeps the key. */
export async function closeSession(ctx: Context): Promise<void> {
  await acting(ctx, async (inside) => {
    const [session] = await inside.db.read<{ key_id: string }>(
      "SELECT key_id FROM api_keys WHERE key_id = $1 AND kind = 'session'",
      [ctx.viewer.keyId],
    );
    if (session) await endKey(inside, session.key_id);
  });
}

type Issuer = Pick<Viewer, "name" | "role" | "projectIds"> & { readonly keyId: string; readonly prefix: string };

const ISSUER = `key_id AS "keyId", prefix, name, role, project_ids AS "projectIds"`;

async function liveKey(db: Db, key: string): Promise<Issuer> {
  const [row] = await db.read<Issuer>(`SELECT ${ISSUER} FROM api_keys WHERE hash = $1 AND kind = 'key' AND ${LIVE}`, [
    hashOf(key),
  ]);
  if (!row) throw unauthenticated("This API key is unknown, revoked or expired.");
  return row;
}

async function spend(db: Db, token: string): Promise<Issuer> {
  const spent = await db.write<{ issued_by: string }>(
    `UPDATE api_keys SET revoked_at = docket_now(), last_used_at = docket_now()
     WHERE hash = $1 AND kind = 'sign_in' AND ${LIVE} RETURNING issued_by`,
    [hashOf(token)],
  );
  const [row] = await db.read<Issuer>(`SELECT ${ISSUER} FROM api_keys WHERE key_id = $1 AND ${LIVE}`, [
    spent[0]?.issued_by,
  ]);
  if (!row)
    throw unauthenticated(
      `This sign-in link was used already or is older than ${LINK_MINUTES} minutes. Enter an API key instead, or start the server again for a new link.`,
    );
  return row;
}
