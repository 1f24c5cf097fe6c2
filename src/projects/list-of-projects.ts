import { type Looking, requireProjects } from "../access/visibility.ts";
import { type Combined, combinedCondition, partsOf } from "../db/combined.ts";
import { all, among, type Maybe } from "../db/comparators.ts";
import { type CountedPage, countedPage } from "../db/counted-list.ts";
import type { Order, PageArgs, PageQuery } from "../db/page.ts";
import type { Bind } from "../db/parameters.ts";
import { amongListed } from "./shown.ts";

/** What a filter of what projects have can say beside its own conditions. */
export interface OfProjects<Filter> extends Combined<Filter> {
  readonly projects?: Maybe<readonly string[]>;
}

/** The arguments of such a list. */
export interface ListArgs<Filter, OrderBy> extends PageArgs {
  /** Of this project alone. */
  readonly projectId?: Maybe<string>;
  readonly filter?: Maybe<Filter>;
  readonly orderBy?: Maybe<OrderBy>;
}

/** How one is read. */
interface Listed<Filter> {
  /** FROM: the table and its alias. */
  readonly from: string;
  readonly alias: string;
  /** For a SELECT. */
  readonly columns: string;
  /** SQL for what a filter says beside projects and other filters. */
  readonly own: (filter: Filter, bind: Bind) => string;
}

/**
 * A page of what the visible projects have, of archived ones only where they are named.
 * @throws PROJECT_NOT_FOUND when an unknown or foreign project is named; BAD_USER_INPUT for a bad page or filter.
 */
export async function listOfProjects<Row, Filter extends OfProjects<Filter>>(
  ctx: Looking,
  { from, alias, columns, own }: Listed<Filter>,
  { projectId, filter, ...page }: Omit<ListArgs<Filter, never>, "orderBy">,
  order: Order,
): Promise<CountedPage<Row>> {
  const named = [...(projectId == null ? [] : [projectId]), ...partsOf(filter ?? {}).flatMap(namedBy)];
  await requireProjects(ctx, named);
  const project = `${alias}.project_id`;
  const list = (bind: Bind) => {
    const matching = all([
      projectId == null ? amongListed(project, ctx.viewer, named, bind) : among(project, [projectId], bind),
      filter &&
        combinedCondition(filter, bind, (one, bound) =>
          all([one.projects && among(project, one.projects, bound), own(one, bound)]),
        ),
    ]);
    return {
      all: `FROM ${from} WHERE ${matching}`,
      page: ({ key, condition, sort, limit }: PageQuery) =>
        `SELECT ${columns}, ${key} AS "cursorKey" FROM ${from} WHERE ${matching} AND ${condition} ${sort} ${limit}`,
    };
  };
  return await countedPage<Row>(ctx.db, list, order, page);
}

const namedBy = ({ projects }: { readonly projects?: Maybe<readonly string[]> }) => projects ?? [];
