import type { Project } from "../../prisma/generated/client/client.ts";
import type { Context } from "../access/viewer.ts";
import { visibleProjects } from "../access/visibility.ts";
import { ordersOf } from "../db/order.ts";
import { type Page, type PageArgs, pageQuery } from "../db/page.ts";
import { parameters } from "../db/parameters.ts";
import { PROJECT_COLUMNS } from "./find.ts";

const orderOf = ordersOf(
  "projects",
  { sql: "p.project_id", type: "text" },
  { projectId: [], name: [{ sql: "p.name", type: "text" }], createdAt: [{ sql: "p.created_at", type: "timestamptz" }] },
);
export type ProjectOrder = Parameters<typeof orderOf>[0];
export const BY_ID: ProjectOrder = { field: "projectId", direction: "ASC" };

export interface ListProjects extends PageArgs {
  /** true: the archived ones instead. */
  readonly archived?: boolean | null | undefined;
  readonly orderBy?: ProjectOrder | null | undefined;
}

const COUNT = {
  name: "project-count",
  text: `SELECT count(*)::int AS count FROM projects
WHERE ($1::text[] IS NULL OR project_id = ANY ($1)) AND (archived_at IS NOT NULL) = $2`,
};

/** A page of the visible projects: those in use, or the archived ones. @throws BAD_USER_INPUT for a bad page */
export async function listProjects(
  { db, viewer }: Context,
  { archived, orderBy, ...page }: ListProjects,
): Promise<Page<Project> & { totalCount(): Promise<number> }> {
  const { values, bind } = parameters();
  const visible = bind(visibleProjects(viewer));
  const { key, condition, sort, limit, toPage } = pageQuery(page, orderOf(orderBy ?? BY_ID), bind);
  const rows = await db.read<Project & { cursorKey: string[] }>(
    `SELECT ${PROJECT_COLUMNS}, ${key} AS "cursorKey"
     FROM projects p WHERE (${visible}::text[] IS NULL OR p.project_id = ANY (${visible}))
       AND (p.archived_at IS NOT NULL) = ${bind(archived ?? false)} AND ${condition} ${sort} ${limit}`,
    values,
  );
  return {
    ...toPage(rows),
    totalCount: async () => {
      const [counted] = await db.read<{ count: number }>(COUNT, [visibleProjects(viewer), archived ?? false]);
      return counted?.count ?? 0;
    },
  };
}
