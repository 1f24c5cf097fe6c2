import type { Context } from "../access/viewer.ts";
import type { Looking } from "../access/visibility.ts";
import {
  all,
  type ChoiceFilter,
  type DateFilter,
  dateCondition,
  type IntFilter,
  intCondition,
  type Maybe,
  type StringFilter,
  stringCondition,
} from "../db/comparators.ts";
import type { CountedPage } from "../db/counted-list.ts";
import { ordersOf } from "../db/order.ts";
import type { Bind } from "../db/parameters.ts";
import { notFound } from "../errors.ts";
import { type ListArgs, listOfProjects, type OfProjects } from "../projects/list-of-projects.ts";
import { byId } from "./by-id.ts";
import { ENHANCEMENT, type Enhancement, type EnhancementStatus } from "./enhancement.ts";

export const ENHANCEMENTS = byId(ENHANCEMENT, {
  ...{ table: "enhancements", alias: "h", id: "enhancementId", column: "enhancement_id" },
});

/** @throws NOT_FOUND when there is none that the viewer sees. */
export async function findEnhancement(ctx: Context, enhancementId: string): Promise<Enhancement> {
  const found = await ENHANCEMENTS.findVisible(ctx, enhancementId);
  return found ?? Promise.reject(notFound("Enhancement", enhancementId));
}

export interface EnhancementFilter extends OfProjects<EnhancementFilter> {
  readonly title?: Maybe<StringFilter>;
  readonly status?: Maybe<ChoiceFilter<EnhancementStatus>>;
  readonly priority?: Maybe<IntFilter>;
  readonly targetQuarter?: Maybe<StringFilter>;
  readonly createdBy?: Maybe<StringFilter>;
  readonly createdAt?: Maybe<DateFilter>;
  readonly updatedAt?: Maybe<DateFilter>;
}

const orderOf = ordersOf(
  "enhancements",
  { sql: "h.enhancement_id", type: "uuid" },
  {
    priority: [{ sql: "h.priority", type: "smallint" }],
    title: [{ sql: "h.title", type: "text" }],
    createdAt: [{ sql: "h.created_at", type: "timestamptz" }],
    updatedAt: [{ sql: "h.updated_at", type: "timestamptz" }],
  },
);
export type EnhancementOrder = Parameters<typeof orderOf>[0];
export const BY_ENHANCEMENT_PRIORITY: EnhancementOrder = { field: "priority", direction: "ASC" };

const conditions = (
  { title, status, priority, targetQuarter, createdBy, createdAt, updatedAt }: EnhancementFilter,
  bind: Bind,
) =>
  all([
    title && stringCondition("h.title", title, bind),
    status && stringCondition("h.status", status, bind),
    priority && intCondition("h.priority", priority, bind),
    targetQuarter && stringCondition("h.target_quarter", targetQuarter, bind),
    createdBy && stringCondition("h.created_by", createdBy, bind),
    createdAt && dateCondition("h.created_at", createdAt, bind, "createdAt"),
    updatedAt && dateCondition("h.updated_at", updatedAt, bind, "updatedAt"),
  ]);

/** A page of the enhancements of visible projects, by priority unless told. @throws as `listOfProjects` */
export const listEnhancements = (
  ctx: Looking,
  { orderBy, ...args }: ListArgs<EnhancementFilter, EnhancementOrder>,
): Promise<CountedPage<Enhancement>> =>
  listOfProjects<Enhancement, EnhancementFilter>(
    ctx,
    { from: "enhancements h", alias: "h", columns: ENHANCEMENT.select(), own: conditions },
    args,
    orderOf(orderBy ?? BY_ENHANCEMENT_PRIORITY),
  );
