import { verb } from "../access/verb.ts";
import { type Context, makerOf } from "../access/viewer.ts";
import type { Given } from "../db/noun.ts";
import { isStorable } from "../db/storable.ts";
import { badInput, notFound, taskNotFound } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { DEPLOYMENT, type DeploymentFields, type DeploymentKey } from "./deployment.ts";
import { existingProject, fitting, insertRow } from "./records.ts";
import { isVendorName } from "./vendor.ts";

export interface RecordDeployment extends Given<DeploymentFields, "create"> {
  readonly projectId: string;
  /** Default: now. */
  readonly deployedAt?: Date | null | undefined;
  /** Their names, whatever the case. */
  readonly vendors?: readonly string[] | null | undefined;
  /** Their IDs; lower case is understood. */
  readonly tasks?: readonly string[] | null | undefined;
}

/** Vendors, and tasks, that one deployment may name. */
const MOST_LINKS = 1_000;

/**
 * Records what went out, with the vendors and the tasks that it was about. It is never changed.
 * @throws PROJECT_NOT_FOUND, TASK_NOT_FOUND, NOT_FOUND for a vendor, BAD_USER_INPUT
 */
export const recordDeployment = verb(
  { name: "recordDeployment", role: "agent", effect: "adds", scope: "project", idempotent: false, on: existingProject },
  async (ctx, input: RecordDeployment): Promise<DeploymentKey> => {
    const { projectId } = input;
    const given = DEPLOYMENT.filled(fitting(DEPLOYMENT.check("create", input)));
    for (const [name, { length }] of Object.entries({ vendors: input.vendors ?? [], tasks: input.tasks ?? [] }))
      if (length > MOST_LINKS) throw badInput(`${name} must have at most ${MOST_LINKS} entries`);
    const vendors = await vendorsOf(ctx, projectId, input.vendors ?? []);
    const tasks = await tasksOf(ctx, projectId, input.tasks ?? []);

    const createdBy = given.createdBy ?? makerOf(ctx.viewer);
    const { deployedAt } = input;
    const values = { ...given, projectId, deployedAt, createdBy };
    const deployment = await insertRow(ctx.db, DEPLOYMENT, "deployments", values);
    const deploymentId = String(deployment?.["deploymentId"]);
    const vendorIds = vendors.map(({ vendorId }) => vendorId);
    if (vendors.length > 0) await ctx.db.write(LINK_VENDORS, [projectId, deploymentId, vendorIds]);
    if (tasks.length > 0) await ctx.db.write(LINK_TASKS, [projectId, deploymentId, tasks]);
    const of = { projectId, subjectType: "deployment", subjectId: deploymentId } as const;
    const names = vendors.map(({ name }) => name);
    await append(ctx, { type: "deployment.recorded", ...of, payload: { deployment, vendors: names, tasks } });
    return { projectId, deploymentId };
  },
);

const LINK_VENDORS = {
  name: "deployment-link-vendors",
  text: `INSERT INTO deployment_vendors (project_id, deployment_id, vendor_id) SELECT $1, $2, unnest($3::uuid[])`,
};
const LINK_TASKS = {
  name: "deployment-link-tasks",
  text: `INSERT INTO deployment_tasks (project_id, deployment_id, task_id) SELECT $1, $2, unnest($3::text[])`,
};

interface Named {
  readonly vendorId: string;
  readonly name: string;
}

const VENDORS = {
  name: "deployment-vendors-named",
  text: `SELECT vendor_id AS "vendorId", name FROM vendors
WHERE project_id = $1 AND lower(name) = ANY ($2::text[]) ORDER BY lower(name)`,
};

/** @throws NOT_FOUND for the first that is not there. */
async function vendorsOf({ db }: Context, projectId: string, names: readonly string[]): Promise<Named[]> {
  const wanted = new Map(names.map((name) => [name.toLowerCase(), name]));
  if (wanted.size === 0) return [];
  const found = await db.read<Named>(VENDORS, [projectId, [...wanted.keys()].filter(isVendorName)]);
  for (const { name } of found) wanted.delete(name.toLowerCase());
  const [missing] = wanted.values();
  if (missing !== undefined) throw notFound("Vendor", missing);
  return found;
}

const TASKS = {
  name: "deployment-tasks-named",
  text: `SELECT task_id AS "taskId" FROM tasks
WHERE project_id = $1 AND task_id = ANY ($2::text[]) AND deleted_at IS NULL ORDER BY task_id`,
};

/** @throws TASK_NOT_FOUND for the first that is not there. */
async function tasksOf({ db }: Context, projectId: string, given: readonly string[]): Promise<string[]> {
  const wanted = new Set(given.map((taskId) => taskId.toUpperCase()));
  if (wanted.size === 0) return [];
  const found = await db.read<{ taskId: string }>(TASKS, [projectId, [...wanted].filter(isStorable)]);
  for (const { taskId } of found) wanted.delete(taskId);
  const [missing] = wanted;
  if (missing !== undefined) throw taskNotFound(missing, projectId);
  return found.map(({ taskId }) => taskId);
}
