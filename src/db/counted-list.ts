import type { Db } from "./database.ts";
import { type Keyed, type Order, type Page, type PageArgs, type PageQuery, pageQuery } from "./page.ts";
import { type Bind, parameters } from "./parameters.ts";
import { prepared } from "./prepared.ts";

/** A page of a list that can be asked how many rows all of it has. */
export type CountedPage<Row> = Page<Row> & { totalCount(): Promise<number> };

/** A list as SQL; what it binds stands in both of its parts. */
interface List {
  /** Whether it is asked for so often in this form, and planned so alike for all values, that it may be prepared. */
  readonly common?: boolean;
  /** FROM and WHERE of all of it. */
  readonly all: string;
  /** The statement that reads a page of it. */
  page(query: PageQuery): string;
}

/**
 * A page of a list; its rows are counted only when somebody asks.
 * @param list is made once for each statement, with the parameters of that.
 * @throws BAD_USER_INPUT for a bad page.
 */
export async function countedPage<Row>(
  db: Db,
  list: (bind: Bind) => List,
  order: Order,
  args: PageArgs,
): Promise<CountedPage<Row>> {
  const { values, bind } = parameters();
  const { page, common } = list(bind);
  const query = pageQuery(args, order, bind);
  const rows = await db.read<Row & Keyed>(common ? prepared(page(query)) : page(query), values);
  return { ...query.toPage(rows), totalCount: () => countOf(db, list) };
}

async function countOf(db: Db, list: (bind: Bind) => List): Promise<number> {
  const { values, bind } = parameters();
  const [counted] = await db.read<{ count: number }>(`SELECT count(*)::int AS count ${list(bind).all}`, values);
  return counted?.count ?? 0;
}
