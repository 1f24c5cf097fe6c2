import type { Context } from "../access/viewer.ts";
import { type Looking, requireProjects, requireVisible } from "../access/visibility.ts";
import {
  all,
  type ChoiceFilter,
  type DateFilter,
  dateCondition,
  inOneCase,
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
import { isVendorName, VENDOR, type Vendor, type VendorAddress, type VendorStatus } from "./vendor.ts";

const BY_NAME = {
  name: "vendor-by-name",
  text: `SELECT ${VENDOR.select()} FROM vendors v WHERE v.project_id = $1 AND lower(v.name) = lower($2)`,
};

/** A vendor by its name, whatever the case. @throws PROJECT_NOT_FOUND, NOT_FOUND */
export async function findVendor(ctx: Context, { projectId, name }: VendorAddress): Promise<Vendor> {
  requireVisible(ctx.viewer, projectId);
  const [found] = isVendorName(name) ? await ctx.db.read<Vendor>(BY_NAME, [projectId, name]) : [];
  if (found) return found;
  await requireProjects(ctx, [projectId]);
  throw notFound("Vendor", name);
}

export const VENDORS = byId(VENDOR, { table: "vendors", alias: "v", id: "vendorId", column: "vendor_id" });

export interface VendorFilter extends OfProjects<VendorFilter> {
  /** Whatever its case. */
  readonly name?: Maybe<StringFilter>;
  readonly status?: Maybe<ChoiceFilter<VendorStatus>>;
  readonly extractorVersion?: Maybe<StringFilter>;
  readonly manifestCompliant?: Maybe<boolean>;
  readonly createdBy?: Maybe<StringFilter>;
  readonly createdAt?: Maybe<DateFilter>;
  readonly updatedAt?: Maybe<DateFilter>;
}

const NAME = "lower(v.name)";

const orderOf = ordersOf(
  "vendors",
  { sql: "v.vendor_id", type: "uuid" },
  {
    name: [{ sql: NAME, type: "text" }],
    createdAt: [{ sql: "v.created_at", type: "timestamptz" }],
    updatedAt: [{ sql: "v.updated_at", type: "timestamptz" }],
  },
);
export type VendorOrder = Parameters<typeof orderOf>[0];
export const BY_VENDOR_NAME: VendorOrder = { field: "name", direction: "ASC" };

const conditions = (
  { name, status, extractorVersion, manifestCompliant, createdBy, createdAt, updatedAt }: VendorFilter,
  bind: Bind,
) =>
  all([
    name &&
      stringCondition(
        NAME,
        inOneCase(name, (text) => text.toLowerCase()),
        bind,
      ),
    status && stringCondition("v.status", status, bind),
    extractorVersion && stringCondition("v.extractor_version", extractorVersion, bind),
    manifestCompliant != null && `v.manifest_compliant = ${bind(manifestCompliant)}::boolean`,
    createdBy && stringCondition("v.created_by", createdBy, bind),
    createdAt && dateCondition("v.created_at", createdAt, bind, "createdAt"),
    updatedAt && dateCondition("v.updated_at", updatedAt, bind, "updatedAt"),
  ]);

/** A page of the vendors of visible projects, by name unless told. @throws as `listOfProjects` */
export const listVendors = (
  ctx: Looking,
  { orderBy, ...args }: ListArgs<VendorFilter, VendorOrder>,
): Promise<CountedPage<Vendor>> =>
  listOfProjects<Vendor, VendorFilter>(
    ctx,
    { from: "vendors v", alias: "v", columns: VENDOR.select(), own: conditions },
    args,
    orderOf(orderBy ?? BY_VENDOR_NAME),
  );
