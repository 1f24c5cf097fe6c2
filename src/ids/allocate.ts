import type { Context } from "../access/viewer.ts";
import { idSpaceExhausted } from "../errors.ts";
import { idSpace, requireArtifactType } from "./id-space.ts";

const ASSIGN = { name: "ids-assign", text: "SELECT assign_numbers($1, $2, $3, $4) AS ids" };

/**
 * Gives `count` IDs for good, the lowest there are (released ones first), inside a transaction that called lockLane.
 * Appends no event: the caller's own event tells what the IDs became.
 * @throws PROJECT_NOT_FOUND, ID_SPACE_EXHAUSTED; BAD_USER_INPUT for an invalid type.
 */
export async function allocateIds(
  ctx: Context,
  { projectId, artifactType: given, count }: { projectId: string; artifactType: string; count: number },
): Promise<string[]> {
  const space = await idSpace(ctx, projectId);
  const artifactType = requireArtifactType(space, given);
  const [assigned] = await ctx.db.write<{ ids: string[] | null }>(ASSIGN, [
    space.namespace,
    artifactType,
    projectId,
    count,
  ]);
  if (!assigned?.ids) throw idSpaceExhausted(artifactType, space.namespace);
  return assigned.ids;
}
