import DataLoader from "dataloader";
import type { Role, Viewer } from "../access/viewer.ts";
import type { JwtConfig } from "../config/jwt.ts";
import type { Db } from "../db/database.ts";
import { background } from "../db/requester.ts";
import { unauthenticated } from "../errors.ts";
import { hashOf, isWellFormed, looksLikeApiKey, type SecretKind } from "./secret.ts";

/** What a request or connection brought along; null where it brought nothing. */
export interface Credentials {
  /** The Authorization header, or the same as a WebSocket's connection parameter. */
  readonly authorization: string | null;
  /** The session cookie's value. */
  readonly session: string | null;
  /** The header Docket-Client-Id, or `clientId` of a WebSocket. */
  readonly client: string | null;
  /** Where it comes from, where that is known. */
  readonly address?: string | undefined;
}

/** Who asks, as far as anyone but a resolver wants to know. */
export interface Authentication {
  readonly viewer: Viewer;
  /** The start of the API key in whose name all is done; null for a token. */
  readonly keyPrefix: string | null;
}

export type Authenticate = (credentials: Credentials) => Promise<Authentication>;

/** Undefined when the credentials are not of its kind: the next strategy is asked. */
type Strategy = (credentials: Credentials) => Promise<Authentication> | undefined;

const NO_CREDENTIALS =
  "This needs an API key: send it as the header Authorization: Bearer dk_…, or sign in at /sign-in with a browser.";

/**
 * Finds out who asks; the first strategy that applies decides: API key, token, session cookie.
 * @throws UNAUTHENTICATED saying what is wrong with the credentials; DATABASE_UNAVAILABLE.
 */
export async function createAuthenticator(db: Db, jwt: JwtConfig | null): Promise<Authenticate> {
  const verifyToken = jwt && (await import("./jwt.ts")).createTokenVerifier(jwt);
  const keys = keyLoader(db);
  // One statement is for many requests.
  const asAuthentication = background("authentication");
  const strategies: readonly Strategy[] = [
    ({ authorization, client }) => {
      const key = bearer(authorization);
      return key !== undefined && looksLikeApiKey(key) ? byRow(db, keys, "key", key, client) : undefined;
    },
    ({ authorization, client }) => {
      const token = bearer(authorization);
      return token !== undefined && verifyToken ? byToken(verifyToken(token, client)) : undefined;
    },
    ({ authorization, session, client }) =>
      authorization === null && session !== null ? byRow(db, keys, "session", session, client) : undefined,
  ];
  async function authenticate(credentials: Credentials): Promise<Authentication> {
    for (const strategy of strategies) {
      const found = strategy(credentials);
      if (found) return await found;
    }
    if (credentials.authorization === null) throw unauthenticated(NO_CREDENTIALS);
    throw unauthenticated("The Authorization header must be: Bearer, a space, and an API key that begins with dk_.");
  }
  return (credentials) => asAuthentication(() => authenticate(credentials));
}

/** What an Authorization header brings along, where it is of that kind. */
export function bearer(authorization: string | null): string | undefined {
  return authorization?.match(/^Bearer +(\S+)$/i)?.[1];
}

const byToken = async (verified: Promise<Viewer>): Promise<Authentication> => ({
  viewer: await verified,
  keyPrefix: null,
});

interface KeyRow {
  hash: Buffer;
  kind: SecretKind;
  key_id: string;
  name: string;
  prefix: string;
  role: Role;
  project_ids: string[] | null;
  expires_at: Date | null;
  expired: boolean;
  revoked: boolean;
  unused_lately: boolean;
}

// A session acts in the name of the key that opened it, and ends with it.
const FIND = {
  name: "authenticate",
  text: `SELECT k.key_id, coalesce(i.name, k.name) AS name, coalesce(i.prefix, k.prefix) AS prefix, k.role, k.project_ids,
  k.expires_at, coalesce(k.expires_at <= docket_now(), false) AS expired,
  (k.revoked_at IS NOT NULL OR i.revoked_at IS NOT NULL) AS revoked,
  coalesce(k.last_used_at < docket_now() - interval '1 minute', true) AS unused_lately,
  k.hash, k.kind
FROM api_keys k LEFT JOIN api_keys i ON i.key_id = k.issued_by
WHERE k.hash = ANY ($1::bytea[])`,
};
// Many requests of one key meet here once a minute; only one of them needs to write.
const TOUCH = {
  name: "authenticate-touch",
  text: `UPDATE api_keys SET last_used_at = docket_now() WHERE key_id = (
  SELECT key_id FROM api_keys
  WHERE key_id = $1 AND coalesce(last_used_at < docket_now() - interval '1 minute', true) FOR UPDATE SKIP LOCKED)`,
};

const NAMES: Record<SecretKind, string> = { key: "API key", session: "session", sign_in: "sign-in link" };

type KeyLoader = DataLoader<Buffer, KeyRow | undefined>;

/** One statement for all requests that came in the same turn of the event loop; nothing is remembered after it. */
const keyLoader = (db: Db): KeyLoader =>
  new DataLoader(
    async (hashes) => {
      const rows = await db.read<KeyRow>(FIND, [hashes]);
      return hashes.map((hash) => rows.find((row) => row.hash.equals(hash)));
    },
    { cache: false, batchScheduleFn: (load) => void setImmediate(load) },
  );

/** Asked of the database every time: a revoked key must not work for one request more, whoever revoked it. */
async function byRow(
  db: Db,
  keys: KeyLoader,
  kind: "key" | "session",
  text: string,
  client: string | null,
): Promise<Authentication> {
  const what = NAMES[kind];
  if (!isWellFormed(text, kind)) throw unauthenticated(`This ${what} is incomplete or mistyped.`);
  const row = await keys.load(hashOf(text));
  if (row?.kind !== kind) throw unauthenticated(`This ${what} is unknown to this server.`);
  if (row.revoked) throw unauthenticated(`This ${what} was revoked.`);
  if (row.expired) throw unauthenticated(`This ${what} has expired.`);
  if (row.unused_lately) await db.write(TOUCH, [row.key_id], { idempotent: true });
  return {
    viewer: {
      actor: actorOf(row),
      name: row.name,
      // A page sends no client id with its mutations, and what one load of it has claimed the next may complete.
      client: client ?? (kind === "session" ? `browser-${row.key_id}` : null),
      keyId: row.key_id,
      role: row.role,
      projectIds: row.project_ids,
      expiresAt: row.expires_at,
    },
    keyPrefix: row.prefix,
  };
}

/** The name of a key in events. */
export function actorOf({ prefix, name }: { readonly prefix: string; readonly name: string }): string {
  return `${prefix}/${name}`;
}
