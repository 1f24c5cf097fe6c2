import { verb, visibleProject } from "../access/verb.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { changesBetween } from "../log/write/changes.ts";
import { parseArtifactId } from "./artifact-id.ts";
import { idSpace, requireArtifactType } from "./id-space.ts";
import { LOCK_LANE } from "./lane.ts";
import { requireList, requireReason } from "./request.ts";

export interface VoidIds {
  readonly projectId: string;
  readonly artifactType: string;
  readonly ids: readonly string[];
  /** For people who wonder later; it stands in the event. */
  readonly reason: string;
}

export interface Voided {
  readonly voided: string[];
  /** Where the counter stands now; null at its beginning. */
  readonly lastAssigned: string | null;
}

const VOID = {
  name: "ids-void",
  text: `SELECT not_held AS "notHeld", borne, was, stands, reservation_ids AS "reservationIds"
FROM void_numbers($1, $2, $3, number_set($4::bigint[]))`,
};

interface VoidedRow {
  /** The lowest that is not confirmed for the project; then nothing was voided. */
  notHeld: string | null;
  /** The lowest that a living task of the namespace bears; then nothing was voided. */
  borne: string | null;
  /** The counter before and after. */
  was: string | null;
  stands: string | null;
  /** Those that the numbers left, and those made of them. */
  reservationIds: string[] | null;
}

/**
 * Takes registered or confirmed IDs of a project back, all or none, and brings the counter down to the highest number
 * that lives in the namespace. Numbers above it are given again; those below stay void, to be registered or left alone.
 * @throws PROJECT_NOT_FOUND, FORBIDDEN; BAD_USER_INPUT for IDs that are not confirmed for this project or that a living
 *   task bears, as its own ID or its artifact's.
 */
export const voidIds = verb(
  {
    name: "voidIds",
    role: "admin",
    effect: "ends",
    scope: "project",
    idempotent: true,
    first: LOCK_LANE,
    on: visibleProject,
  },
  async (ctx, input: VoidIds): Promise<Voided> => {
    const { projectId, ids } = input;
    const space = await idSpace(ctx, projectId);
    const artifactType = requireArtifactType(space, input.artifactType);
    const reason = requireReason(input.reason);
    requireList(ids);
    const given = ids.map(parseArtifactId);
    const misfit = given.find((other) => other.artifactType !== artifactType);
    if (misfit) throw badInput(`${misfit.id} is no ${artifactType}. Void the IDs of each type in a call of their own.`);
    const numbers = given.map(({ number }) => number);
    const [outcome] = await ctx.db.write<VoidedRow>(VOID, [space.namespace, artifactType, projectId, numbers]);
    if (!outcome) throw new Error("void_numbers answered nothing");
    const { notHeld, borne, was, stands, reservationIds } = outcome;
    if (notHeld !== null)
      throw badInput(
        `${notHeld} is not registered or confirmed for project ${projectId}, so there is nothing to void. ` +
          "IDs that are only reserved go back with releaseReservation.",
        { id: notHeld },
      );
    if (borne !== null)
      throw badInput(`${borne} belongs to a living task and stays. Leave it out to void the others.`, { id: borne });
    const voided = [...new Set(given.map(({ id }) => id))];
    await append(ctx, {
      type: "ids.voided",
      projectId,
      subjectType: "project",
      subjectId: projectId,
      payload: {
        artifactType,
        ids: voided,
        reason,
        reservationIds: reservationIds ?? [],
        changes: await changesBetween(ctx, { lastAssigned: was }, { lastAssigned: stands }),
      },
    });
    return { voided, lastAssigned: stands };
  },
);
