import type { Db } from "../../db/database.ts";

export interface Change {
  readonly old: unknown;
  readonly new: unknown;
}

/** The fields of a thing that a change really changed, as its event tells them. */
export type Changes = Readonly<Record<string, Change>>;

const CHANGES = { name: "changes-between", text: "SELECT changes_between($1, $2) AS changes" };

/**
 * What differs between two documents of one thing, each or a part of it: what the SQL function says, which statements
 * that write their events themselves call too.
 */
export async function changesBetween({ db }: { readonly db: Db }, before: object, after: object): Promise<Changes> {
  const [found] = await db.read<{ changes: Changes }>(CHANGES, [JSON.stringify(before), JSON.stringify(after)]);
  return found?.changes ?? {};
}
