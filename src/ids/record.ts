import type { Context } from "../access/viewer.ts";
import { idTaken } from "../errors.ts";
import { append } from "../log/append.ts";
import { type ArtifactId, parseArtifactId } from "./artifact-id.ts";
import { type IdSpace, idSpace, requireArtifactType } from "./id-space.ts";

export interface Recorded {
  /** In the order given, each once. */
  readonly registered: string[];
  /** Those that this project had confirmed before. */
  readonly alreadyRegistered: string[];
}

interface Outcome {
  /** The lowest ID that another project holds; then nothing was recorded. */
  taken: string | null;
  already: string[];
  /** Reservations of this project that held some of the IDs: these are confirmed now. */
  confirmed: { reservationId: string; ids: string[] }[];
}

const RECORD = {
  name: "ids-record",
  text: "SELECT taken, already, confirmed FROM record_numbers($1, $2, $3, number_set($4::bigint[]))",
};

/**
 * Records IDs that exist already as this project's, all or none, inside a transaction that called lockLane. Those in an
 * unconfirmed reservation of the project are confirmed, the rest of it is left as it was. Counters rise to the highest.
 * Appends ids.confirmed for such reservations and no other event.
 * @throws ID_TAKEN, PROJECT_NOT_FOUND; BAD_USER_INPUT for what is no ID or has an invalid type.
 */
export async function recordIds(
  ctx: Context,
  { projectId, ids }: { readonly projectId: string; readonly ids: readonly string[] },
): Promise<Recorded> {
  const space = await idSpace(ctx, projectId);
  const given = new Map(ids.map(parseArtifactId).map((artifact) => [artifact.id, artifact]));
  const byType = Map.groupBy(given.values(), ({ artifactType }) => requireArtifactType(space, artifactType));
  const already = new Set<string>();
  // Sequences are locked in this order by everyone.
  for (const artifactType of [...byType.keys()].sort()) {
    const known = await recordOfType(ctx, projectId, space, artifactType, byType.get(artifactType) ?? []);
    for (const id of known) already.add(id);
  }
  return {
    registered: [...given.keys()].filter((id) => !already.has(id)),
    alreadyRegistered: [...given.keys()].filter((id) => already.has(id)),
  };
}

async function recordOfType(
  ctx: Context,
  projectId: string,
  { namespace }: IdSpace,
  artifactType: string,
  artifacts: readonly ArtifactId[],
): Promise<string[]> {
  const numbers = artifacts.map(({ number }) => number);
  const [outcome] = await ctx.db.write<Outcome>(RECORD, [namespace, artifactType, projectId, numbers]);
  if (!outcome || outcome.taken !== null) throw idTaken(outcome?.taken ?? artifactType);
  await append(
    ctx,
    ...outcome.confirmed.map(({ reservationId, ids }) => ({
      type: "ids.confirmed" as const,
      projectId,
      subjectType: "reservation" as const,
      subjectId: reservationId,
      payload: { artifactType, ids, released: [] },
    })),
  );
  return outcome.already;
}
