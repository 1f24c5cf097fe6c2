import { listAdministered } from "../access/administered.ts";
import type { Context } from "../access/viewer.ts";
import { ordersOf } from "../db/order.ts";
import type { PageArgs } from "../db/page.ts";
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
export const listApiKeys = (
  ctx: Context,
  { orderBy, ...page }: PageArgs & { readonly orderBy?: ApiKeyOrder | null | undefined },
) =>
  listAdministered<ApiKey>(
    ctx,
    { from: "api_keys k", where: "kind = 'key'", columns: KEY },
    keyOrder(orderBy ?? NEWEST_KEYS),
    page,
  );
