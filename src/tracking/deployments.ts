import type { Context } from "../access/viewer.ts";
import type { Looking } from "../access/visibility.ts";
import {
  all,
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
import { type Keyed, type Page, type PageArgs, pageQuery } from "../db/page.ts";
import { type Bind, parameters } from "../db/parameters.ts";
import { notFound } from "../errors.ts";
import { type ListArgs, listOfProjects, type OfProjects } from "../projects/list-of-projects.ts";
import type { TaskKey } from "../tasks/task.ts";
import { byId } from "./by-id.ts";
import { DEPLOYMENT, type Deployment } from "./deployment.ts";
import { isVendorName, type VendorKey } from "./vendor.ts";

export const DEPLOYMENTS = byId(DEPLOYMENT, {
  ...{ table: "deployments", alias: "d", id: "deploymentId", column: "deployment_id" },
});

/** @throws NOT_FOUND when there is none that the viewer sees. */
export async function findDeployment(ctx: Context, deploymentId: string): Promise<Deployment> {
  const found = await DEPLOYMENTS.findVisible(ctx, deploymentId);
  return found ?? Promise.reject(notFound("Deployment", deploymentId));
}

export interface DeploymentFilter extends OfProjects<DeploymentFilter> {
  /** About the vendor of this name, whatever its case. */
  readonly vendor?: Maybe<string>;
  /** About the task of this ID. */
  readonly task?: Maybe<string>;
  readonly commitHash?: Maybe<StringFilter>;
  readonly prNumber?: Maybe<IntFilter>;
  readonly constitutionalCompliance?: Maybe<boolean>;
  readonly createdBy?: Maybe<StringFilter>;
  readonly deployedAt?: Maybe<DateFilter>;
  readonly createdAt?: Maybe<DateFilter>;
}

const orderOf = ordersOf(
  "deployments",
  { sql: "d.deployment_id", type: "uuid" },
  {
    deployedAt: [{ sql: "d.deployed_at", type: "timestamptz" }],
    createdAt: [{ sql: "d.created_at", type: "timestamptz" }],
    prNumber: [{ sql: "d.pr_number", type: "integer" }],
  },
);
export type DeploymentOrder = Parameters<typeof orderOf>[0];
export const LATEST_DEPLOYMENTS: DeploymentOrder = { field: "deployedAt", direction: "DESC" };

const OF = (link: string) => `l.project_id = d.project_id AND l.deployment_id = d.deployment_id AND ${link}`;

const conditions = (
  { vendor, task, commitHash, prNumber, constitutionalCompliance, createdBy, deployedAt, createdAt }: DeploymentFilter,
  bind: Bind,
) =>
  all([
    vendor != null && !isVendorName(vendor) && "FALSE",
    vendor != null &&
      `EXISTS (SELECT FROM deployment_vendors l JOIN vendors v USING (project_id, vendor_id)
        WHERE ${OF(`lower(v.name) = lower(${bind(vendor)}::text)`)})`,
    task != null && `EXISTS (SELECT FROM deployment_tasks l WHERE ${OF(`l.task_id = upper(${bind(task)}::text)`)})`,
    commitHash && stringCondition("d.commit_hash", commitHash, bind),
    prNumber && intCondition("d.pr_number", prNumber, bind),
    constitutionalCompliance != null && `d.constitutional_compliance = ${bind(constitutionalCompliance)}::boolean`,
    createdBy && stringCondition("d.created_by", createdBy, bind),
    deployedAt && dateCondition("d.deployed_at", deployedAt, bind),
    createdAt && dateCondition("d.created_at", createdAt, bind, "createdAt"),
  ]);

/** A page of the deployments of visible projects, the latest first unless told. @throws as `listOfProjects` */
export const listDeployments = (
  ctx: Looking,
  { orderBy, ...args }: ListArgs<DeploymentFilter, DeploymentOrder>,
): Promise<CountedPage<Deployment>> =>
  listOfProjects<Deployment, DeploymentFilter>(
    ctx,
    { from: "deployments d", alias: "d", columns: DEPLOYMENT.select(), own: conditions },
    args,
    orderOf(orderBy ?? LATEST_DEPLOYMENTS),
  );

export interface DeploymentPageArgs extends PageArgs {
  readonly orderBy?: Maybe<DeploymentOrder>;
}

/** What deployments can be about: all that are asked for together are of one sort. */
export type DeployedKey = VendorKey | TaskKey;

function deployedOf(wanted: readonly DeployedKey[], bind: Bind) {
  const ofVendors = wanted.some((key) => "vendorId" in key);
  const ids = wanted.map((key) => ("vendorId" in key ? key.vendorId : key.taskId));
  const [table, column, type] = ofVendors
    ? ["deployment_vendors", "vendor_id", "uuid"]
    : ["deployment_tasks", "task_id", "text"];
  return {
    wanted: `unnest(${bind(wanted.map(({ projectId }) => projectId))}::text[], ${bind(ids)}::${type}[])
       WITH ORDINALITY AS wanted (project_id, id, place)`,
    links: `${table} l JOIN deployments d USING (project_id, deployment_id)`,
    matching: `l.project_id = wanted.project_id AND l.${column} = wanted.id`,
  };
}

/**
 * The same page of the deployments of each of them, the latest first unless told, in their order. Whether they may be
 * seen is the caller's to know.
 * @throws BAD_USER_INPUT for a bad page.
 */
export async function listDeploymentsOf(
  db: Db,
  wanted: readonly DeployedKey[],
  { orderBy, ...page }: DeploymentPageArgs,
): Promise<Page<Deployment>[]> {
  const { values, bind } = parameters();
  const of = deployedOf(wanted, bind);
  const { key, condition, sort, limit, toPage } = pageQuery(page, orderOf(orderBy ?? LATEST_DEPLOYMENTS), bind);
  const rows = await db.read<Deployment & Keyed & { readonly place: number }>(
    `SELECT page.place, ${DEPLOYMENT.select()}, ${key} AS "cursorKey" FROM ${of.wanted} CROSS JOIN LATERAL (
       SELECT wanted.place::int AS place, d.project_id, d.deployment_id FROM ${of.links}
       WHERE ${of.matching} AND ${condition} ${sort} ${limit}
     ) page JOIN deployments d ON d.project_id = page.project_id AND d.deployment_id = page.deployment_id ${sort}`,
    values,
  );
  const found = Map.groupBy(rows, ({ place }) => place - 1);
  return wanted.map((_one, i) => toPage(found.get(i) ?? []));
}

/** How many deployments each of them has. */
export async function countDeploymentsOf(db: Db, wanted: readonly DeployedKey[]): Promise<number[]> {
  const { values, bind } = parameters();
  const of = deployedOf(wanted, bind);
  const rows = await db.read<{ count: number }>(
    `SELECT (SELECT count(*)::int FROM ${of.links} WHERE ${of.matching}) AS count FROM ${of.wanted} ORDER BY wanted.place`,
    values,
  );
  return rows.map(({ count }) => count);
}
