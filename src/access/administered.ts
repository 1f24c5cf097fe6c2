import type { Columns } from "../db/columns.ts";
import { type CountedPage, countedPage } from "../db/counted-list.ts";
import type { Order, PageArgs, PageQuery } from "../db/page.ts";
import type { Bind } from "../db/parameters.ts";
import { type Context, requireRole } from "./viewer.ts";
import { within } from "./visibility.ts";

/**
 * A page of what the viewer administers of a table whose rows are made for some projects (`project_ids`).
 * `from` and `where` are SQL: the table with its alias, and which of its rows count at all.
 * @throws FORBIDDEN for anyone but an admin; BAD_USER_INPUT for a bad page.
 */
export async function listAdministered<Row>(
  { db, viewer }: Context,
  { from, where = "TRUE", columns }: { from: string; where?: string; columns: Columns<never> },
  order: Order,
  args: PageArgs,
): Promise<CountedPage<Row>> {
  requireRole(viewer, "admin");
  const list = (bind: Bind) => {
    bind(viewer.projectIds);
    const all = `FROM ${from} WHERE ${where} AND ${within(1)}`;
    return {
      all,
      page: ({ key, condition, sort, limit }: PageQuery) =>
        `SELECT ${columns.select()}, ${key} AS "cursorKey" ${all} AND ${condition} ${sort} ${limit}`,
    };
  };
  return await countedPage(db, list, order, args);
}
