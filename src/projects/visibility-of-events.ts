import { requireProjects, seesEventsOf, visibleProjects } from "../access/visibility.ts";
import type { Db } from "../db/database.ts";
import type { Visibility } from "../log/readers.ts";

const IN_USE = {
  name: "projects-in-use",
  text: `SELECT project_id FROM projects
WHERE archived_at IS NULL AND ($1::text[] IS NULL OR project_id = ANY ($1)) ORDER BY project_id`,
};

/** What `seesEventsOf` says of each, for a page or a stream of them. */
export const visibilityOfEvents = (db: Db): Visibility => ({
  async visibleTo(viewer, named) {
    if (named !== null) {
      await requireProjects({ db, viewer }, named);
      return { projects: new Set(named), server: false };
    }
    const visible = visibleProjects(viewer);
    return { projects: visible && new Set(visible), server: seesEventsOf(viewer, { projectId: null }) };
  },

  async inOverview(projects) {
    const rows = await db.read<{ project_id: string }>(IN_USE, [projects && [...projects]]);
    return rows.map(({ project_id }) => project_id);
  },
});
