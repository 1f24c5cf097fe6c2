import { type Context, requireRole } from "../access/viewer.ts";
import { within } from "../access/visibility.ts";
import { type Order, type Page, type PageArgs, pageQuery, parameters } from "../db/page.ts";
import { type ApiKey, KEY } from "./key.ts";

export const NEWEST_FIRST: Order = {
  name: "api-key",
  columns: [
    { sql: "created_at", type: "timestamptz" },
    { sql: "key_id", type: "uuid" },
  ],
  direction: "DESC",
};

/**
 * A page of the keys that the viewer administers, newest first.
 * @throws FORBIDDEN for anyone but an admin; BAD_USER_INPUT for a bad page.
 */
export async function listApiKeys(
  { db, viewer }: Context,
  page: PageArgs,
): Promise<Page<ApiKey> & { totalCount(): Promise<number> }> {
  requireRole(viewer, "admin");
  const { values, bind } = parameters();
  bind(viewer.projectIds);
  const { key, condition, sort, limit, toPage } = pageQuery(page, NEWEST_FIRST, bind);
  const rows = await db.read<ApiKey & { cursorKey: string[] }>(
    `SELECT ${KEY.select()}, ${key} AS "cursorKey" FROM api_keys k WHERE kind = 'key' AND ${within(1)} AND ${condition} ${sort} ${limit}`,
    values,
  );
  return {
    ...toPage(rows),
    totalCount: async () => {
      const [counted] = await db.read<{ count: number }>(
        `SELECT count(*)::int AS count FROM api_keys WHERE kind = 'key' AND ${within(1)}`,
        [viewer.projectIds],
      );
      return counted?.count ?? 0;
    },
  };
}
