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
import type { Db } from "../db/database.ts";
import { ordersOf } from "../db/order.ts";
import type { Bind } from "../db/parameters.ts";
import { isUuid } from "../db/storable.ts";
import { notFound } from "../errors.ts";
import { ENHANCEMENT, type Enhancement, type EnhancementKey, type EnhancementStatus } from "./enhancement.ts";
import { type ListArgs, listOfProjects, type OfProjects } from "./list.ts";

const BY_ID = {
  name: "enhancements-by-id",
  text: `SELECT ${ENHANCEMENT.select()} FROM unnest($1::text[], $2::uuid[]) AS of (project_id, enhancement_id)
JOIN enhancements h USING (project_id, enhancement_id)`,
};

export const idOfEnhancement = ({ projectId, enhancementId }: EnhancementKey) => `${projectId}/${enhancementId}`;

/** The enhancements as they are now, in the order of the keys; null where there is none. */
export async function findEnhancements(db: Db, keys: readonly EnhancementKey[]): Promise<(Enhancement | null)[]> {
  const known = keys.filter(({ enhancementId }) => isUuid(enhancementId));
  const rows = await db.read<Enhancement>(BY_ID, [
    known.map(({ projectId }) => projectId),
    known.map(({ enhancementId }) => enhancementId),
  ]);
  const found = new Map(rows.map((enhancement) => [idOfEnhancement(enhancement), enhancement]));
  return keys.map((key) => found.get(idOfEnhancement(key)) ?? null);
}

const VISIBLE = {
  name: "enhancement-visible",
  text: `SELECT ${ENHANCEMENT.select()} FROM enhancements h
WHERE h.enhancement_id = $1 AND ($2::text[] IS NULL OR h.project_id = ANY ($2))`,
};

/** @throws NOT_FOUND when there is none that the viewer sees. */
export async function findEnhancement({ db, viewer }: Context, enhancementId: string): Promise<Enhancement> {
  const [found] = isUuid(enhancementId) ? await db.read<Enhancement>(VISIBLE, [enhancementId, viewer.projectIds]) : [];
  if (!found) throw notFound("Enhancement", enhancementId);
  return found;
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
