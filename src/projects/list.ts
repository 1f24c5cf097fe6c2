import type { Project } from "../../prisma/generated/client/client.ts";
import type { Context } from "../access/viewer.ts";
import { visibleProjects } from "../access/visibility.ts";
import { type Order, type Page, type PageArgs, pageQuery, parameters } from "../db/page.ts";
import { PROJECT_COLUMNS } from "./find.ts";

const BY_ID: Order = { name: "project", columns: [{ sql: "p.project_id", type: "text" }], direction: "ASC" };

const COUNT = {
  name: "project-count",
  text: "SELECT count(*)::int AS count FROM projects WHERE $1::text[] IS NULL OR project_id = ANY ($1)",
};

/** A page of the visible projects by their id. @throws BAD_USER_INPUT for a bad page */
export async function listProjects(
  { db, viewer }: Context,
  page: PageArgs,
): Promise<Page<Project> & { totalCount(): Promise<number> }> {
  const { values, bind } = parameters();
  const visible = bind(visibleProjects(viewer));
  const { key, condition, sort, limit, toPage } = pageQuery(page, BY_ID, bind);
  const rows = await db.read<Project & { cursorKey: string[] }>(
    `SELECT ${PROJECT_COLUMNS}, ${key} AS "cursorKey"
     FROM projects p WHERE (${visible}::text[] IS NULL OR p.project_id = ANY (${visible})) AND ${condition} ${sort} ${limit}`,
    values,
  );
  return {
    ...toPage(rows),
    totalCount: async () => {
      const [counted] = await db.read<{ count: number }>(COUNT, [visibleProjects(viewer)]);
      return counted?.count ?? 0;
    },
  };
}
