import { verb } from "../access/verb.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { insertKey, refuseOutliving } from "./create.ts";
import { KEY, MOST_OVERLAP_SECONDS, OVERLAP_SECONDS } from "./key.ts";
import { endKey, lockKey } from "./revoke.ts";
import { makeSecret } from "./secret.ts";

export interface RotateApiKey {
  readonly keyId: string;
  /** How long the key that is replaced goes on, in seconds. Default a day. */
  readonly overlapSeconds?: number | null | undefined;
}

export interface RotatedApiKey {
  /** Of the new key. */
  readonly keyId: string;
  readonly formerKeyId: string;
  readonly projectIds: readonly string[] | null;
  /** Shown this once; null in a replayed answer, as only its hash is kept. */
  readonly secret: string | null;
}

/** What an overlap changes of the key that is replaced. */
const ENDING = KEY.document("k", ["expiresAt"]);

/**
 * Makes a key that may do what another may, of its name and with its end, and ends the other after an overlap in which
 * both work: with the browser sessions that it opened and every stream of them.
 * @throws FORBIDDEN; NOT_FOUND for a key that does not exist or reaches beyond the viewer's projects; BAD_USER_INPUT for
 * one that has ended or an overlap out of bounds.
 */
export const rotateApiKey = verb(
  { name: "rotateApiKey", role: "admin", effect: "ends", scope: "projects", idempotent: false, on: lockKey },
  async (ctx, { overlapSeconds }: RotateApiKey, former): Promise<RotatedApiKey> => {
    const overlap = overlapSeconds ?? OVERLAP_SECONDS;
    if (!(overlap >= 0 && overlap <= MOST_OVERLAP_SECONDS))
      throw badInput(`overlapSeconds must be from 0 to ${MOST_OVERLAP_SECONDS}, which is 30 days; it is ${overlap}.`);
    if (!former.isLive) throw badInput("This key has ended: make a new one with createApiKey.");
    await refuseOutliving(ctx, former.expiresAt);
    const made = makeSecret("key");
    const keyId = await insertKey(ctx, made, former);
    if (overlap > 0) await endLater(ctx, former.keyId, keyId, overlap);
    else await endKey(ctx, former.keyId);
    return { keyId, formerKeyId: former.keyId, projectIds: former.projectIds, secret: made.text };
  },
  (rotated) => ({ ...rotated, secret: null }),
);

/** An end that was set before is kept where it comes first. */
async function endLater(
  ctx: Parameters<typeof endKey>[0],
  keyId: string,
  newKeyId: string,
  overlapSeconds: number,
): Promise<void> {
  const rows = await ctx.db.write<{ keyId: string; changes: Changes }>(
    `WITH before AS (
       SELECT k.key_id, ${ENDING} AS document FROM api_keys k
       WHERE k.revoked_at IS NULL AND (k.key_id = $1 OR k.issued_by = $1) ORDER BY k.key_id FOR NO KEY UPDATE
     )
     UPDATE api_keys k SET expires_at = least(k.expires_at, docket_now() + make_interval(secs => $2))
     FROM before WHERE k.key_id = before.key_id
     RETURNING k.key_id AS "keyId", changes_between(before.document, ${ENDING}) AS changes`,
    [keyId, overlapSeconds],
  );
  await append(ctx, {
    type: "key.rotated",
    projectId: null,
    subjectType: "api_key",
    subjectId: keyId,
    // The hub of every process times the streams of these anew.
    payload: {
      newKeyId,
      keyIds: rows.map((row) => row.keyId),
      changes: rows.find((row) => row.keyId === keyId)?.changes ?? {},
    },
  });
}
