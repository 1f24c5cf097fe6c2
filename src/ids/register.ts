import { once } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import type { Answer } from "../db/idempotency.ts";
import { append } from "../log/write/append.ts";
import { requireOpen } from "../projects/open.ts";
import { lockLane } from "./lane.ts";
import { type Recorded, type RecordIds, recordIds } from "./record.ts";
import { requireList } from "./request.ts";

export interface RegisterIds extends RecordIds {
  readonly idempotencyKey?: string | null | undefined;
}

/**
 * Records IDs that exist in a repository already, all or none, so that they are never given again. Numbers skipped on
 * the way up stay void: they may be registered later, and are never given.
 * @throws ID_TAKEN, PROJECT_NOT_FOUND; BAD_USER_INPUT for an empty or too long list, a bad ID or type, or too far a
 *   jump; FORBIDDEN, also for allowJump by others than admins of the whole namespace.
 */
export function registerIds(ctx: Context, input: RegisterIds): Promise<Answer<Recorded>> {
  return once(ctx, { operation: "registerIds", role: "agent", input, before: lockLane }, async (inside) => {
    const { projectId, ids, allowJump } = input;
    requireList(ids);
    await requireOpen(inside.db, [projectId]);
    const recorded = await recordIds(inside, { projectId, ids, allowJump });
    if (recorded.registered.length > 0)
      await append(inside, {
        type: "ids.registered",
        projectId,
        subjectType: "project",
        subjectId: projectId,
        payload: { ids: recorded.registered },
      });
    return recorded;
  });
}
