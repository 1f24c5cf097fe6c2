import { type Verb, verb } from "../access/verb.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { type ChangeProject, holdStill, lockProject } from "./lock.ts";

/**
 * Puts a project away: it leaves every overview and hands out no work and no IDs. It keeps all it has, and what is held
 * may be finished. A second call changes nothing.
 * @throws FORBIDDEN, PROJECT_NOT_FOUND, VERSION_CONFLICT
 */
export const archiveProject = setArchived("archiveProject", true);

/** Brings an archived project back as it was. A second call changes nothing. @throws as archiveProject */
export const unarchiveProject = setArchived("unarchiveProject", false);

/** What it changes of a project, to the microsecond. */
const ARCHIVED_AT = (alias: string) => `jsonb_build_object('archivedAt', ${alias}.archived_at)`;

function setArchived(name: string, archived: boolean): Verb<ChangeProject, { readonly projectId: string }> {
  return verb(
    { name, role: "admin", effect: "changes", scope: "project", idempotent: true, before: holdStill, on: lockProject },
    async (ctx, { projectId }: ChangeProject, before) => {
      if ((before.archivedAt !== null) === archived) return { projectId };
      const [changed] = await ctx.db.write<{ changes: Changes }>(
        `WITH before AS (SELECT project_id, ${ARCHIVED_AT("p")} AS document FROM projects p WHERE project_id = $1)
         UPDATE projects p SET archived_at = CASE WHEN $2 THEN docket_now() END, version = version + 1
         FROM before WHERE p.project_id = before.project_id
         RETURNING changes_between(before.document, ${ARCHIVED_AT("p")}) AS changes`,
        [projectId, archived],
      );
      await append(ctx, {
        type: archived ? "project.archived" : "project.unarchived",
        projectId,
        subjectType: "project",
        subjectId: projectId,
        payload: { changes: changed?.changes ?? {} },
      });
      return { projectId };
    },
  );
}
