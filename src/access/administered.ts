import type { Columns } from "../db/columns.ts";
import { type Order, type Page, type PageArgs, pageQuery } from "../db/page.ts";
import { parameters } from "../db/parameters.ts";
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
  page: PageArgs,
): Promise<Page<Row> & { totalCount(): Promise<number> }> {
  requireRole(viewer, "admin");
  const administered = `FROM ${from} WHERE ${where} AND ${within(1)}`;
  const { values, bind } = parameters();
  bind(viewer.projectIds);
  const { key, condition, sort, limit, toPage } = pageQuery(page, order, bind);
  const rows = await db.read<Row & { cursorKey: string[] }>(
    `SELECT ${columns.select()}, ${key} AS "cursorKey" ${administered} AND ${condition} ${sort} ${limit}`,
    values,
  );
  return {
    ...toPage(rows),
    totalCount: async () => {
      const [counted] = await db.read<{ count: number }>(`SELECT count(*)::int AS count ${administered}`, [
        viewer.projectIds,
      ]);
      return counted?.count ?? 0;
    },
  };
}
