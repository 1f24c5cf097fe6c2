import { createHash } from "node:crypto";
import type { Db } from "../db/database.ts";
import { badInput, idempotencyKeyReused } from "../errors.ts";

/** Told apart by `replayed`: the first answer, or the same again because the key was seen before. */
export type Answer<Result> = Result & { readonly replayed: boolean };

export interface IdempotentRequest {
  /** The verb's name; the same key for another operation is another request. */
  readonly operation: string;
  /** The whole input; `idempotencyKey` in it is the key, the rest identifies the request. */
  readonly input: { readonly idempotencyKey?: string | null | undefined };
  /** Whether the answer proves something (an attempt), so that only the session that asked for it gets it again. */
  readonly ofSession?: boolean;
}

interface AtMostOnce {
  readonly operation: string;
  /** null: as often as it is asked for. */
  readonly keyed: KeyedRequest | null;
  /** Statements without parameters that are sent together with BEGIN. */
  readonly first?: string;
  /** Run before the key's row is written: for a lock that comes before the lock of any row. */
  readonly before?: ((db: Db) => Promise<void>) | undefined;
}

interface Caller {
  readonly db: Db;
  readonly viewer: { readonly actor: string; readonly client: string | null };
}

/**
 * Runs the work of a verb in one transaction, at most once per (actor, key). The key's row is written first, so a second
 * request in flight waits for the first and then replays it. A failure stores nothing.
 * @param kept what is stored of a result and answered again: never a secret; null stores nothing (an idle answer may be
 *   different next time).
 * @throws IDEMPOTENCY_KEY_REUSED when the key came with another request before.
 */
export async function atMostOnce<C extends Caller, Result extends object>(
  ctx: C,
  { operation, keyed, first, before }: AtMostOnce,
  work: (ctx: C) => Promise<Result>,
  kept: (result: Result) => Result | null = (result) => result,
): Promise<Answer<Result>> {
  return ctx.db.transaction(
    async (db) => {
      const inside = { ...ctx, db };
      await before?.(db);
      if (keyed === null) return { ...(await work(inside)), replayed: false };
      const answered = await replayOrBegin<Result>(inside, operation, keyed);
      if (answered) return { ...answered, replayed: true };
      const result = await work(inside);
      const stored = kept(result);
      await (stored === null
        ? db.write(FORGET, [ctx.viewer.actor, keyed.key])
        : db.write(STORE, [ctx.viewer.actor, keyed.key, JSON.stringify(stored)]));
      return { ...result, replayed: false };
    },
    { ...(first !== undefined && { first }), idempotent: keyed !== null },
  );
}

const LONGEST_KEY = 255;

/** A request as it is known again: by its key, and by what it asks for. */
export interface KeyedRequest {
  readonly key: string;
  readonly hash: Buffer;
}

/** @returns null for one without a key. @throws BAD_USER_INPUT for a key that cannot be stored. */
export function keyedRequest(
  { operation, input: { idempotencyKey, ...rest }, ofSession }: IdempotentRequest,
  client: string | null,
): KeyedRequest | null {
  const key = requireKey(idempotencyKey);
  return key === null ? null : { key, hash: requestHash(operation, rest, ofSession ? client : null) };
}

/** The key, null without one. @throws BAD_USER_INPUT for one that cannot be stored. */
export function requireKey(given: string | null | undefined): string | null {
  // In code points, as the database counts.
  const length = given == null ? 1 : [...given].length;
  if (length < 1 || length > LONGEST_KEY)
    throw badInput(
      `idempotencyKey must have 1 to ${LONGEST_KEY} characters. One from the header Idempotency-Key counts with the colon and the field's response name that are added to it.`,
    );
  return given ?? null;
}

/** SHA-256 of the operation and its input, whatever the order of the fields, and of the session where it matters. */
function requestHash(operation: string, input: object, session: string | null = null): Buffer {
  return createHash("sha256")
    .update(JSON.stringify([operation, input, ...(session === null ? [] : [session])], sortedFields))
    .digest();
}

function sortedFields(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const BEGIN = {
  name: "idempotency-begin",
  text: `INSERT INTO idempotency_keys (actor, key, operation, request_hash) VALUES ($1, $2, $3, $4)
ON CONFLICT (actor, key) DO NOTHING RETURNING key`,
};
const FIND = {
  name: "idempotency-find",
  text: "SELECT request_hash, result FROM idempotency_keys WHERE actor = $1 AND key = $2",
};
const STORE = {
  name: "idempotency-store",
  text: "UPDATE idempotency_keys SET result = $3 WHERE actor = $1 AND key = $2",
};
const FORGET = {
  name: "idempotency-forget",
  text: "DELETE FROM idempotency_keys WHERE actor = $1 AND key = $2",
};

async function replayOrBegin<Result>({ db, viewer }: Caller, operation: string, request: KeyedRequest) {
  const begun = await db.write(BEGIN, [viewer.actor, request.key, operation, request.hash]);
  return begun.length > 0 ? undefined : replay<Result>({ db, viewer }, request);
}

/** The stored answer of (actor, key), undefined if there is none. For verbs of one statement that store it themselves. */
export async function replay<Result>({ db, viewer }: Caller, { key, hash }: KeyedRequest): Promise<Result | undefined> {
  const [found] = await db.read<{ request_hash: Buffer; result: Result }>(FIND, [viewer.actor, key]);
  if (found && !found.request_hash.equals(hash)) throw idempotencyKeyReused(key);
  return found?.result;
}
