import type { Context } from "../access/viewer.ts";
import { idSpaceExhausted } from "../errors.ts";
import { idSpace, requireArtifactType } from "./id-space.ts";

interface Allocation {
  readonly projectId: string;
  readonly artifactType: string;
  readonly count: number;
  readonly branch?: string | null;
  readonly taskId?: string | null;
}

const ASSIGN = {
  name: "ids-assign",
  text: 'SELECT ids, last_assigned AS "lastAssigned" FROM assign_numbers($1, $2, $3, $4, $5, $6)',
};

/**
 * Gives `count` IDs for good, the lowest there are (released ones first), inside a transaction that called lockLane.
 * Appends no event: the caller's own event tells what the IDs became.
 * @throws PROJECT_NOT_FOUND, ID_SPACE_EXHAUSTED; BAD_USER_INPUT for an invalid type.
 */
export async function allocateIds(ctx: Context, allocation: Allocation): Promise<string[]> {
  return (await assignIds(ctx, allocation)).ids;
}

/** The same, with the highest ID given before; null when there was none. */
export async function assignIds(
  ctx: Context,
  { projectId, artifactType: given, count, branch, taskId }: Allocation,
): Promise<{ ids: string[]; lastAssigned: string | null }> {
  const space = await idSpace(ctx, projectId);
  const artifactType = requireArtifactType(space, given);
  const [assigned] = await ctx.db.write<{ ids: string[]; lastAssigned: string | null }>(ASSIGN, [
    space.namespace,
    artifactType,
    projectId,
    count,
    branch ?? null,
    taskId ?? null,
  ]);
  if (!assigned) throw idSpaceExhausted(artifactType, space.namespace);
  return assigned;
}
