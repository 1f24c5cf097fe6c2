import type { Context } from "../access/viewer.ts";
import { requireVisible } from "../access/visibility.ts";
import { badInput, projectNotFound, shown } from "../errors.ts";
import { readSettings } from "../projects/settings.ts";

/** Where a project's artifact numbers are unique, the types it may number, and how far it may jump ahead. */
export interface IdSpace {
  readonly namespace: string;
  readonly artifactTypes: readonly string[];
  readonly idJumpLimit: number;
}

const SPACE = {
  name: "id-space",
  text: 'SELECT id_namespace AS namespace, artifact_types(settings) AS "artifactTypes", settings FROM projects WHERE project_id = $1',
};

/** @throws PROJECT_NOT_FOUND */
export async function idSpace({ db, viewer }: Context, projectId: string): Promise<IdSpace> {
  requireVisible(viewer, projectId);
  const [space] = await db.read<Omit<IdSpace, "idJumpLimit"> & { settings: unknown }>(SPACE, [projectId]);
  if (!space) throw projectNotFound(projectId);
  const { namespace, artifactTypes, settings } = space;
  return { namespace, artifactTypes, idJumpLimit: readSettings(settings).idJumpLimit };
}

/** The type in upper case. @throws BAD_USER_INPUT listing the valid types. */
export function requireArtifactType({ artifactTypes }: Pick<IdSpace, "artifactTypes">, given: string): string {
  const artifactType = given.toUpperCase();
  if (!artifactTypes.includes(artifactType)) throw invalidArtifactType(artifactType, artifactTypes);
  return artifactType;
}

export const invalidArtifactType = (artifactType: string, validTypes: readonly string[]) =>
  badInput(`Invalid artifact_type: ${shown(artifactType)}. Valid types: ${validTypes.join(", ")}`, {
    artifactType,
    validTypes,
  });
