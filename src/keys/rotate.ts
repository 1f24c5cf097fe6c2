import { verb } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { insertKey, refuseOutliving } from "./create.ts";
import { MOST_OVERLAP_SECONDS, OVERLAP_SECONDS } from "./key.ts";
import { changeEnd, endKey, lockKey } from "./revoke.ts";
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
async function endLater(ctx: Context, keyId: string, newKeyId: string, overlapSeconds: number): Promise<void> {
  const end = "expires_at = least(k.expires_at, docket_now() + make_interval(secs => $2))";
  const changed = await changeEnd(ctx, keyId, "expiresAt", end, [overlapSeconds]);
  await append(ctx, {
    type: "key.rotated",
    projectId: null,
    subjectType: "api_key",
    subjectId: keyId,
    // The hub of every process times the streams of these anew.
    payload: { newKeyId, ...changed },
  });
}
