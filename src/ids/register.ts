import { once } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import type { Answer } from "../db/idempotency.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/append.ts";
import { requireOpen } from "../projects/open.ts";
import { lockLane } from "./lane.ts";
import { type Recorded, recordIds } from "./record.ts";

export interface RegisterIds {
  readonly projectId: string;
  readonly ids: readonly string[];
  readonly idempotencyKey?: string | null | undefined;
}

const LARGEST_BATCH = 1000;

/**
 * Records IDs that exist in a repository already, all or none, so that they are never given again. Numbers skipped on
 * the way up stay void: they may be registered later, and are never given.
 * @throws ID_TAKEN, PROJECT_NOT_FOUND, FORBIDDEN; BAD_USER_INPUT for an empty or too long list, a bad ID or type.
 */
export function registerIds(ctx: Context, input: RegisterIds): Promise<Answer<Recorded>> {
  return once(ctx, { operation: "registerIds", role: "agent", input, before: lockLane }, async (inside) => {
    const { projectId, ids } = input;
    if (ids.length < 1 || ids.length > LARGEST_BATCH)
      throw badInput(`ids has ${ids.length} entries; give 1 to ${LARGEST_BATCH}.`);
    await requireOpen(inside.db, [projectId]);
    const recorded = await recordIds(inside, { projectId, ids });
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
