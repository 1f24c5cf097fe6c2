import { type Context, requireRole } from "../access/viewer.ts";
import { within } from "../access/visibility.ts";
import { ordersOf } from "../db/order.ts";
import { type Page, type PageArgs, pageQuery } from "../db/page.ts";
import { parameters } from "../db/parameters.ts";
import { type ApiKey, KEY } from "./key.ts";

export const keyOrder = ordersOf(
  "api-keys",
  { sql: "key_id", type: "uuid" },
  {
    createdAt: [{ sql: "created_at", type: "timestamptz" }],
    name: [{ sql: "name", type: "text" }],
    expiresAt: [{ sql: "expires_at", type: "timestamptz", nullable: true }],
    lastUsedAt: [{ sql: "last_used_at", type: "timestamptz", nullable: true }],
  },
);
export type ApiKeyOrder = Parameters<typeof keyOrder>[0];
export const NEWEST_KEYS: ApiKeyOrder = { field: "createdAt", direction: "DESC" };

/**
 * A page of the keys that the viewer administers, newest first unless told.
 * @throws FORBIDDEN for anyone but an admin; BAD_USER_INPUT for a bad page.
 */
export async function listApiKeys(
  { db, viewer }: Context,
  { orderBy, ...page }: PageArgs & { readonly orderBy?: ApiKeyOrder | null | undefined },
): Promise<Page<ApiKey> & { totalCount(): Promise<number> }> {
  requireRole(viewer, "admin");
  const { values, bind } = parameters();
  bind(viewer.projectIds);
  const { key, condition, sort, limit, toPage } = pageQuery(page, keyOrder(orderBy ?? NEWEST_KEYS), bind);
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
