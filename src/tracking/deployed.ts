import type { Maybe } from "../db/comparators.ts";
import type { Db } from "../db/database.ts";
import type { OrderBy } from "../db/order.ts";
import { type Direction, pageSize } from "../db/page.ts";
import { type LongField, TASK, type Task } from "../tasks/fields.ts";
import type { DeploymentKey } from "./deployment.ts";
import { VENDOR, type Vendor } from "./vendor.ts";

/** What a deployment was about, by name or ID. */
export type DeployedOrder = OrderBy<"name">;
export const BY_DEPLOYED_NAME: DeployedOrder = { field: "name", direction: "ASC" };

export interface DeployedQuery {
  readonly orderBy?: Maybe<DeployedOrder>;
  readonly first?: Maybe<number>;
  /** The name, or ID, of the last one seen. */
  readonly after?: Maybe<string>;
}

const OF = "unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS of (project_id, deployment_id, place)";
const beyond = (column: string, direction: Direction, after = "$3::text") =>
  `($3::text IS NULL OR ${column} ${direction === "ASC" ? ">" : "<"} ${after})`;

const valuesOf = (deployments: readonly DeploymentKey[], { first, after }: DeployedQuery) => [
  deployments.map(({ projectId }) => projectId),
  deployments.map(({ deploymentId }) => deploymentId),
  after ?? null,
  pageSize(first),
];

const vendorsStatement = (direction: Direction) => ({
  name: `deployment-vendors-${direction}`,
  text: `SELECT of.place::int AS place, page.* FROM ${OF} CROSS JOIN LATERAL (
  SELECT ${VENDOR.select()} FROM deployment_vendors l JOIN vendors v USING (project_id, vendor_id)
  WHERE l.project_id = of.project_id AND l.deployment_id = of.deployment_id
    AND ${beyond("lower(v.name)", direction, "lower($3)")}
  ORDER BY lower(v.name) ${direction} LIMIT $4
) page ORDER BY of.place, lower(page.name) ${direction}`,
});
const VENDORS = { ASC: vendorsStatement("ASC"), DESC: vendorsStatement("DESC") };

/** A page of the vendors that each deployment was about, by name. @throws BAD_USER_INPUT for a bad page. */
export async function vendorsDeployed(
  db: Db,
  deployments: readonly DeploymentKey[],
  query: DeployedQuery,
): Promise<Vendor[][]> {
  const { direction } = query.orderBy ?? BY_DEPLOYED_NAME;
  const rows = await db.read<Vendor & { readonly place: number }>(VENDORS[direction], valuesOf(deployments, query));
  const found = Map.groupBy(rows, ({ place }) => place - 1);
  return deployments.map((_deployment, i) => found.get(i) ?? []);
}

const tasksStatement = (direction: Direction) =>
  TASK.statement(
    `deployment-tasks-${direction}`,
    (columns) => `SELECT of.place::int AS place, ${columns} FROM ${OF} CROSS JOIN LATERAL (
  SELECT l.project_id, l.task_id FROM deployment_tasks l JOIN tasks o USING (project_id, task_id)
  WHERE l.project_id = of.project_id AND l.deployment_id = of.deployment_id AND o.deleted_at IS NULL
    AND ${beyond("l.task_id", direction, "upper($3)")}
  ORDER BY l.task_id ${direction} LIMIT $4
) page JOIN tasks t ON t.project_id = page.project_id AND t.task_id = page.task_id
ORDER BY of.place, t.task_id ${direction}`,
  );
const TASKS = { ASC: tasksStatement("ASC"), DESC: tasksStatement("DESC") };

/** A page of the tasks that each deployment was about, by ID, deleted ones left out. @throws BAD_USER_INPUT for a bad page. */
export async function tasksDeployed(
  db: Db,
  deployments: readonly DeploymentKey[],
  { long, ...query }: DeployedQuery & { readonly long?: readonly LongField[] },
): Promise<Task[][]> {
  const { direction } = query.orderBy ?? BY_DEPLOYED_NAME;
  const rows = await db.read<Task & { readonly place: number }>(TASKS[direction](long), valuesOf(deployments, query));
  const found = Map.groupBy(rows, ({ place }) => place - 1);
  return deployments.map((_deployment, i) => found.get(i) ?? []);
}
