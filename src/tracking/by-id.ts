import type { Context } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import type { Noun } from "../db/noun.ts";
import { isUuid } from "../db/storable.ts";

/** Where a noun lies whose rows have a UUID of their own beside their project. */
interface Place<Id extends string> {
  readonly table: string;
  /** In the noun's columns. */
  readonly alias: string;
  /** The field of the UUID, and its column. */
  readonly id: Id;
  readonly column: string;
}

type Key<Id extends string> = Readonly<Record<"projectId" | Id, string>>;

/** How the rows of a noun are found by their keys. */
export function byId<Row extends Key<Id>, Fields, Id extends string>(
  noun: Noun<Row, Fields>,
  { table, alias, id, column }: Place<Id>,
) {
  const ofKeys = {
    name: `${table}-by-id`,
    text: `SELECT ${noun.select()} FROM unnest($1::text[], $2::uuid[]) AS of (project_id, ${column})
JOIN ${table} ${alias} USING (project_id, ${column})`,
  };
  const ofViewer = {
    name: `${table}-visible`,
    text: `SELECT ${noun.select()} FROM ${table} ${alias}
WHERE ${alias}.${column} = $1 AND ($2::text[] IS NULL OR ${alias}.project_id = ANY ($2))`,
  };
  const idOf = (key: Key<Id>): string => `${key.projectId}/${key[id]}`;
  return {
    idOf,
    /** The rows as they are now, in the order of the keys; null where there is none. */
    async find(db: Db, keys: readonly Key<Id>[]): Promise<(Row | null)[]> {
      const known = keys.filter((key) => isUuid(key[id]));
      const rows = await db.read<Row>(ofKeys, [known.map(({ projectId }) => projectId), known.map((key) => key[id])]);
      const found = new Map(rows.map((row) => [idOf(row), row]));
      return keys.map((key) => found.get(idOf(key)) ?? null);
    },
    /** One by its UUID alone, if the viewer sees it. */
    async findVisible({ db, viewer }: Context, given: string): Promise<Row | undefined> {
      if (!isUuid(given)) return undefined;
      const [found] = await db.read<Row>(ofViewer, [given, viewer.projectIds]);
      return found;
    },
  };
}
