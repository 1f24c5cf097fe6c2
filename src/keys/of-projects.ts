import type { Db } from "../db/database.ts";
import { type Page, type PageArgs, pageQuery } from "../db/page.ts";
import { parameters } from "../db/parameters.ts";
import { type ApiKey, KEY } from "./key.ts";
import { type ApiKeyOrder, keyOrder, NEWEST_KEYS } from "./list.ts";

export interface KeysOfProject extends PageArgs {
  /** Only keys that reach no further than these projects; null: all. */
  readonly within: readonly string[] | null;
  readonly orderBy?: ApiKeyOrder | null | undefined;
}

const REACHING = `k.kind = 'key' AND (k.project_ids IS NULL OR p.project_id = ANY (k.project_ids))`;

/**
 * The same page of the keys that see each project, newest first unless told, in the order of the projects. Whether the caller
 * administers any is the caller's to know.
 * @throws BAD_USER_INPUT for a bad page.
 */
export async function listKeysOf(
  db: Db,
  projectIds: readonly string[],
  { within, orderBy, ...page }: KeysOfProject,
): Promise<Page<ApiKey>[]> {
  const { values, bind } = parameters();
  const wanted = `unnest(${bind(projectIds)}::text[]) AS p (project_id)`;
  const limited = bind(within);
  const { key, condition, sort, limit, toPage } = pageQuery(page, keyOrder(orderBy ?? NEWEST_KEYS), bind);
  const rows = await db.read<ApiKey & { cursorKey: string[]; of: string }>(
    `SELECT k.* FROM ${wanted} CROSS JOIN LATERAL (
       SELECT ${KEY.select()}, ${key} AS "cursorKey", p.project_id AS of, created_at, key_id, expires_at, last_used_at
       FROM api_keys k
       WHERE ${REACHING} AND (${limited}::text[] IS NULL OR k.project_ids <@ ${limited}) AND ${condition} ${sort} ${limit}
     ) k ${sort}`,
    values,
  );
  const found = Map.groupBy(rows, ({ of }) => of);
  return projectIds.map((projectId) => toPage(found.get(projectId) ?? []));
}

/** How many keys see each project. */
export async function countKeysOf(
  db: Db,
  projectIds: readonly string[],
  { within }: Pick<KeysOfProject, "within">,
): Promise<number[]> {
  const rows = await db.read<{ of: string; count: number }>(
    `SELECT p.project_id AS of, count(*)::int AS count FROM unnest($1::text[]) AS p (project_id)
       JOIN api_keys k ON ${REACHING} AND ($2::text[] IS NULL OR k.project_ids <@ $2) GROUP BY p.project_id`,
    [projectIds, within],
  );
  const found = new Map(rows.map(({ of, count }) => [of, count]));
  return projectIds.map((projectId) => found.get(projectId) ?? 0);
}
