import { randomUUID } from "node:crypto";
import type { Context } from "../access/viewer.ts";
import { idSpaceExhausted } from "../errors.ts";
import { idSpace, requireArtifactType } from "./id-space.ts";

const ASSIGN = { name: "ids-assign", text: "SELECT assign_numbers($1, $2, $3, $4, $5) AS ids" };

interface AllocateIds {
  readonly projectId: string;
  readonly artifactType: string;
  readonly count: number;
  /** What the reservation is called that holds them; a random UUID unless given. */
  readonly reservationId?: string;
}

/**
 * Gives `count` IDs for good, the lowest there are (released ones first), inside a transaction that called lockLane.
 * Appends no event: the caller's own events tell what the IDs became, and name the reservation.
 * @throws PROJECT_NOT_FOUND, ID_SPACE_EXHAUSTED; BAD_USER_INPUT for an invalid type.
 */
export async function allocateIds(
  ctx: Context,
  { projectId, artifactType: given, count, reservationId = randomUUID() }: AllocateIds,
): Promise<string[]> {
  const space = await idSpace(ctx, projectId);
  const artifactType = requireArtifactType(space, given);
  const [assigned] = await ctx.db.write<{ ids: string[] | null }>(ASSIGN, [
    space.namespace,
    artifactType,
    projectId,
    count,
    reservationId,
  ]);
  if (!assigned?.ids) throw idSpaceExhausted(artifactType, space.namespace);
  return assigned.ids;
}
