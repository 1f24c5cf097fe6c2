import { type Context, requireRole } from "../access/viewer.ts";
import { badInput, idTaken } from "../errors.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { requireNamespace } from "../projects/namespace.ts";
import { type ArtifactId, artifactId, parseArtifactId } from "./artifact-id.ts";
import { idSpace, requireArtifactType } from "./id-space.ts";

export interface RecordIds {
  readonly projectId: string;
  readonly ids: readonly string[];
  /** An admin says that the numbers are meant, however far they lie above the highest there is. */
  readonly allowJump?: boolean | null | undefined;
}

export interface Recorded {
  /** In the order given, each once. */
  readonly registered: string[];
  /** Those that this project had confirmed before. */
  readonly alreadyRegistered: string[];
}

export interface RecordedIds extends Recorded {
  /** The reservation that was made for an ID, where none of the project held it as its own. */
  readonly made: ReadonlyMap<string, string>;
}

interface RecordedRow {
  /** The lowest ID that another project holds; then nothing was recorded. */
  taken: string | null;
  already: string[];
  /** Reservations of this project that held some of the IDs: these are confirmed now. */
  confirmed: { reservationId: string; ids: string[]; changes: Changes }[];
  /** What was made for those that were in none, or left theirs. */
  made: { reservationId: string; ids: string[] } | null;
  /** The highest number there is, when the highest ID lies too far above it; then nothing was recorded. */
  jumpsFrom: number | null;
}

const RECORD = {
  name: "ids-record",
  text: `SELECT taken, already, confirmed, made, jumps_from AS "jumpsFrom"
FROM record_numbers($1, $2, $3, number_set($4::bigint[]), $5::bigint)`,
};

/**
 * Records IDs that exist already as this project's, all or none, inside a transaction that called lockLane. Those in an
 * unconfirmed reservation of the project are confirmed, the rest of it is left as it was. Counters rise to the highest.
 * Appends ids.confirmed for such reservations and no other event: the caller's own events tell what the IDs became, and
 * name the reservations that were made.
 * @throws ID_TAKEN, PROJECT_NOT_FOUND; BAD_USER_INPUT for what is no ID, has an invalid type, or lies more than the
 *   project's idJumpLimit above the highest number there is; FORBIDDEN for allowJump by others than admins of the
 *   whole namespace.
 */
export async function recordIds(ctx: Context, { projectId, ids, allowJump }: RecordIds): Promise<RecordedIds> {
  const space = await idSpace(ctx, projectId);
  if (allowJump) {
    requireRole(ctx.viewer, "admin");
    await requireNamespace(ctx, space.namespace, "allowJump");
  }
  const given = new Map(ids.map(parseArtifactId).map((artifact) => [artifact.id, artifact]));
  const byType = Map.groupBy(given.values(), ({ artifactType }) => requireArtifactType(space, artifactType));
  const already = new Set<string>();
  const made = new Map<string, string>();
  const jumpLimit = allowJump ? null : space.idJumpLimit;
  // Sequences are locked in this order by everyone.
  for (const artifactType of [...byType.keys()].sort()) {
    const artifacts = byType.get(artifactType) ?? [];
    const recorded = await recordOfType(ctx, {
      projectId,
      namespace: space.namespace,
      artifactType,
      artifacts,
      jumpLimit,
    });
    for (const id of recorded.already) already.add(id);
    for (const id of recorded.made?.ids ?? []) made.set(id, recorded.made?.reservationId ?? "");
  }
  return {
    registered: [...given.keys()].filter((id) => !already.has(id)),
    alreadyRegistered: [...given.keys()].filter((id) => already.has(id)),
    made,
  };
}

interface OfType {
  readonly namespace: string;
  readonly projectId: string;
  readonly artifactType: string;
  readonly artifacts: readonly ArtifactId[];
  readonly jumpLimit: number | null;
}

async function recordOfType(
  ctx: Context,
  { namespace, projectId, artifactType, artifacts, jumpLimit }: OfType,
): Promise<Pick<RecordedRow, "already" | "made">> {
  const numbers = artifacts.map(({ number }) => number);
  const [outcome] = await ctx.db.write<RecordedRow>(RECORD, [namespace, artifactType, projectId, numbers, jumpLimit]);
  if (outcome && outcome.jumpsFrom !== null)
    throw jumpsTooFar(artifactType, Math.max(...numbers), outcome.jumpsFrom, jumpLimit);
  if (!outcome || outcome.taken !== null) throw idTaken(outcome?.taken ?? artifactType);
  await append(
    ctx,
    ...outcome.confirmed.map(({ reservationId, ids, changes }) => ({
      type: "ids.confirmed" as const,
      projectId,
      subjectType: "reservation" as const,
      subjectId: reservationId,
      payload: { artifactType, ids, released: [], changes },
    })),
  );
  return outcome;
}

function jumpsTooFar(artifactType: string, number: number, from: number, limit: number | null) {
  const id = artifactId(artifactType, number);
  const highest = from === 0 ? null : artifactId(artifactType, from);
  return badInput(
    `${id} lies ${number - from} above ${highest === null ? "0" : highest}, the highest ${artifactType} number there is; ` +
      `${limit} is the most, because the numbers between are never given. If it is a slip, correct it, or leave the ID out ` +
      "where one can be assigned. If it is meant, an admin can send it with allowJump: true, or raise the project's idJumpLimit.",
    { id, highest, idJumpLimit: limit },
  );
}
