import type { Context, Viewer } from "../access/viewer.ts";
import { requireVisible } from "../access/visibility.ts";
import type { Db } from "../db/database.ts";
import { projectNotFound, versionConflict } from "../errors.ts";

/** Names the project of a change. */
export interface ChangeProject {
  readonly projectId: string;
  readonly expectedVersion?: number | null | undefined;
}

/** A project whose row this transaction has locked. */
export interface LockedProject {
  readonly name: string;
  readonly idNamespace: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly version: number;
  readonly archivedAt: Date | null;
}

const LOCK = {
  name: "project-lock",
  text: `SELECT name, id_namespace AS "idNamespace", settings, version, archived_at AS "archivedAt"
FROM projects WHERE project_id = $1 FOR NO KEY UPDATE`,
};

/** @throws PROJECT_NOT_FOUND, VERSION_CONFLICT */
export async function lockProject(
  { db, viewer }: Context,
  { projectId, expectedVersion }: ChangeProject,
): Promise<LockedProject> {
  requireVisible(viewer, projectId);
  const [locked] = await db.write<LockedProject>(LOCK, [projectId]);
  if (!locked) throw projectNotFound(projectId);
  if (expectedVersion != null && expectedVersion !== locked.version)
    throw versionConflict(expectedVersion, locked.version, "Project");
  return locked;
}

/**
 * Waits for claims and new work that are under way; those that come now wait and then see what was done. That stops the
 * work of others, so the project must be one that the viewer sees.
 */
export async function holdStill(db: Db, { projectId }: ChangeProject, viewer: Viewer): Promise<void> {
  requireVisible(viewer, projectId);
  await db.write("SELECT hold_project_still($1)", [projectId]);
}
