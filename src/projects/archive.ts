import { once } from "../access/verb.ts";
import { type Context, requireRole } from "../access/viewer.ts";
import { requireVisible } from "../access/visibility.ts";
import { projectNotFound, versionConflict } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { changesBetween } from "../log/write/changes.ts";

export interface ArchiveProject {
  readonly projectId: string;
  readonly expectedVersion?: number | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

/**
 * Puts a project away: it leaves every overview and hands out no work and no IDs. It keeps all it has, and what is held
 * may be finished. Done again it changes nothing.
 * @throws FORBIDDEN, PROJECT_NOT_FOUND, VERSION_CONFLICT
 */
export const archiveProject = (ctx: Context, input: ArchiveProject) => setArchived(ctx, input, true);

/** Brings an archived project back as it was. Done again it changes nothing. @throws as archiveProject */
export const unarchiveProject = (ctx: Context, input: ArchiveProject) => setArchived(ctx, input, false);

function setArchived(ctx: Context, input: ArchiveProject, archived: boolean) {
  const { projectId, expectedVersion } = input;
  // Before anything is held still, as that stops the claims of others.
  requireRole(ctx.viewer, "admin");
  requireVisible(ctx.viewer, projectId);
  return once(
    ctx,
    {
      operation: archived ? "archiveProject" : "unarchiveProject",
      role: "admin",
      input,
      // Waits for claims and new work that are under way; those that come now wait and then see what was done.
      before: async (db) => void (await db.write("SELECT hold_project_still($1)", [projectId])),
    },
    async (inside) => {
      const { db } = inside;
      const [before] = await db.write<{ version: number; archived_at: Date | null }>(
        "SELECT version, archived_at FROM projects WHERE project_id = $1 FOR NO KEY UPDATE",
        [projectId],
      );
      if (!before) throw projectNotFound(projectId);
      if (expectedVersion != null && expectedVersion !== before.version)
        throw versionConflict(expectedVersion, before.version, "Project");
      if ((before.archived_at !== null) === archived) return { projectId };
      const [after] = await db.write<{ archived_at: Date | null }>(
        `UPDATE projects SET archived_at = CASE WHEN $2 THEN docket_now() END, version = version + 1
         WHERE project_id = $1 RETURNING archived_at`,
        [projectId, archived],
      );
      const changes = await changesBetween(
        inside,
        { archivedAt: before.archived_at },
        { archivedAt: after?.archived_at },
      );
      await append(inside, {
        type: archived ? "project.archived" : "project.unarchived",
        projectId,
        subjectType: "project",
        subjectId: projectId,
        payload: { changes },
      });
      return { projectId };
    },
  );
}
