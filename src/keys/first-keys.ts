import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { actAs } from "../access/act-as.ts";
import { type Role, SERVER } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import { insertKey } from "./create.ts";
import { LIVE } from "./key.ts";
import { hashOf, makeSecret } from "./secret.ts";

/** Where the first keys are, and what the person who started the server should know of them. */
export interface FirstKeys {
  readonly adminKeyFile: string;
  readonly agentKeyFile: string;
  /** The admin key that a sign-in link may stand for. */
  readonly adminKeyId: string;
  /** Sentences; empty when both files hold keys of this database. */
  readonly notices: readonly string[];
}

/** Taken while the first keys are made: servers that start together on one new database make them once. */
export const FIRST_KEYS_LOCK = 7_013_911;

/**
 * Makes sure that somebody can administer the server: where the database has no live unlimited admin key, one is made
 * and kept in `<home>/api-key`; the same for agents in `<home>/agent-key`. Files are readable by their owner alone.
 * A file is never overwritten: a key of another database is moved aside.
 * Keys that live but are not in this folder (it was lost, or another server made them) are left alone and told of.
 */
export async function ensureFirstKeys(db: Db, home: string): Promise<FirstKeys> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  return await db.transaction(async (tx) => {
    await tx.write("SELECT pg_advisory_xact_lock($1)", [FIRST_KEYS_LOCK]);
    const admin = await ensureKey(tx, "admin", join(home, "api-key"));
    const agent = await ensureKey(tx, "agent", join(home, "agent-key"));
    return {
      adminKeyFile: join(home, "api-key"),
      agentKeyFile: join(home, "agent-key"),
      adminKeyId: admin.keyId,
      notices: [admin.notice, agent.notice].filter((notice) => notice !== null),
    };
  });
}

interface Ensured {
  readonly keyId: string;
  readonly notice: string | null;
}

interface LiveKey {
  readonly key_id: string;
  readonly prefix: string;
  readonly hash: Buffer;
}

async function ensureKey(db: Db, role: Role, file: string): Promise<Ensured> {
  const live = await db.read<LiveKey>(
    `SELECT key_id, prefix, hash FROM api_keys
     WHERE kind = 'key' AND role = $1 AND project_ids IS NULL AND ${LIVE} ORDER BY created_at, key_id`,
    [role],
  );
  const kept = await readKey(file);
  const [first] = live;
  if (!first) return { keyId: await makeKey(db, role, file, kept), notice: null };
  const own = kept === null ? undefined : live.find(({ hash }) => hash.equals(hashOf(kept)));
  if (own) return { keyId: own.key_id, notice: null };
  const prefixes = live.map(({ prefix }) => `${prefix}…`).join(", ");
  return {
    keyId: first.key_id,
    notice:
      `${kept === null ? "There is no key in" : "The key of another database, or one that has ended, is in"} ${file}. ` +
      `This database has ${role} keys already (${prefixes}): put one of them into that file, ` +
      "or sign in by the link and make a new one with the mutation createApiKey.",
  };
}

async function makeKey(db: Db, role: Role, file: string, kept: string | null): Promise<string> {
  const secret = makeSecret("key");
  const ctx = { db, viewer: SERVER, correlationId: randomUUID() };
  await actAs(ctx);
  const keyId = await insertKey(ctx, secret, { name: `first-${role}`, role });
  // Written before the commit: a key that nobody holds would be worse than a file that opens nothing.
  await (kept === null ? rm(file, { force: true }) : rename(file, `${file}.${kept.slice(0, 11)}`));
  await writeFile(file, `${secret.text}\n`, { mode: 0o600, flag: "wx" });
  return keyId;
}

async function readKey(file: string): Promise<string | null> {
  try {
    return (await readFile(file, "utf8")).trim() || null;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
