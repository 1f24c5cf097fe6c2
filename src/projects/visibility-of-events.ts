import { requireProjects, visibleProjects } from "../access/visibility.ts";
import type { Db } from "../db/database.ts";
import type { Visibility } from "../log/readers.ts";

const IN_USE = {
  name: "projects-in-use",
  text: `SELECT project_id FROM projects
WHERE archived_at IS NULL AND ($1::text[] IS NULL OR project_id = ANY ($1)) ORDER BY project_id`,
};

/** Events are seen by whoever sees their project; those of the server itself by unlimited admins. */
export const visibilityOfEvents = (db: Db): Visibility => ({
  async visibleTo(viewer, named) {
    if (named !== null) {
      await requireProjects({ db, viewer }, named);
      return { projects: new Set(named), server: false };
    }
    const visible = visibleProjects(viewer);
    return { projects: visible && new Set(visible), server: visible === null && viewer.role === "admin" };
  },

  async inOverview(projects) {
    const rows = await db.read<{ project_id: string }>(IN_USE, [projects && [...projects]]);
    return rows.map(({ project_id }) => project_id);
  },
});
