import { verb, visibleProject } from "../access/verb.ts";
import { append } from "../log/write/append.ts";
import { requireOpen } from "../projects/open.ts";
import { LOCK_LANE } from "./lane.ts";
import { type Recorded, type RecordIds, recordIds } from "./record.ts";
import { requireList } from "./request.ts";

/**
 * Records IDs that exist in a repository already, all or none, so that they are never given again. Numbers skipped on
 * the way up stay void: they may be registered later, and are never given.
 * @throws ID_TAKEN, PROJECT_NOT_FOUND; BAD_USER_INPUT for an empty or too long list, a bad ID or type, or too far a
 *   jump; FORBIDDEN, also for allowJump by others than admins of the whole namespace.
 */
export const registerIds = verb(
  {
    name: "registerIds",
    role: "agent",
    effect: "adds",
    scope: "project",
    idempotent: true,
    first: LOCK_LANE,
    on: visibleProject,
  },
  async (ctx, { projectId, ids, allowJump }: RecordIds): Promise<Recorded> => {
    requireList(ids);
    await requireOpen(ctx.db, [projectId]);
    const { made, ...recorded } = await recordIds(ctx, { projectId, ids, allowJump });
    if (recorded.registered.length > 0)
      await append(ctx, {
        type: "ids.registered",
        projectId,
        subjectType: "project",
        subjectId: projectId,
        payload: { ids: recorded.registered, reservationIds: [...new Set(made.values())] },
      });
    return recorded;
  },
);
