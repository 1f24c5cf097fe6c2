import type { Project } from "../../prisma/generated/client/client.ts";
import { type Looking, visibleProjects } from "../access/visibility.ts";
import { type CountedPage, countedPage } from "../db/counted-list.ts";
import { ordersOf } from "../db/order.ts";
import type { PageArgs, PageQuery } from "../db/page.ts";
import type { Bind } from "../db/parameters.ts";
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

/** A page of the visible projects: those in use, or the archived ones. @throws BAD_USER_INPUT for a bad page */
export function listProjects(
  { db, viewer }: Looking,
  { archived, orderBy, ...page }: ListProjects,
): Promise<CountedPage<Project>> {
  const list = (bind: Bind) => {
    const visible = bind(visibleProjects(viewer));
    const all = `FROM projects p WHERE (${visible}::text[] IS NULL OR p.project_id = ANY (${visible}))
       AND (p.archived_at IS NOT NULL) = ${bind(archived ?? false)}`;
    return {
      all,
      common: true,
      page: ({ key, condition, sort, limit }: PageQuery) =>
        `SELECT ${PROJECT_COLUMNS}, ${key} AS "cursorKey" ${all} AND ${condition} ${sort} ${limit}`,
    };
  };
  return countedPage(db, list, orderOf(orderBy ?? BY_ID), page);
}
