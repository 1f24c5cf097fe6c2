import { sees, visibleWhere } from "../../src/access/visibility.ts";
import { DEFAULT_SIZE, foreignCursor } from "../../src/db/page.ts";
import { asUuid, isStorable } from "../../src/db/storable.ts";
import { notFound } from "../../src/errors.ts";
import { idOfTask } from "../../src/tasks/find.ts";
import {
  BY_DEPLOYED_NAME,
  type DeployedOrder,
  type DeployedQuery,
  tasksDeployed,
  vendorsDeployed,
} from "../../src/tracking/deployed.ts";
import { DEPLOYMENT, type DeploymentKey } from "../../src/tracking/deployment.ts";
import {
  countDeploymentsOf,
  DEPLOYMENTS,
  type DeployedKey,
  type DeploymentFilter,
  type DeploymentOrder,
  type DeploymentPageArgs,
  findDeployment,
  LATEST_DEPLOYMENTS,
  listDeployments,
  listDeploymentsOf,
} from "../../src/tracking/deployments.ts";
import { recordDeployment } from "../../src/tracking/record-deployment.ts";
import { VENDORS } from "../../src/tracking/vendors.ts";
import { type ArgumentBuilder, builder } from "../builder.ts";
import type { GraphQLContext } from "../context.ts";
import { DateFilterInput, IntFilterInput, StringFilterInput } from "../filters.ts";
import { listLoader } from "../list-loader.ts";
import { loader } from "../loader.ts";
import { mutation } from "../mutation.ts";
import { givenFields, shownFields } from "../noun.ts";
import { orderInput } from "../order.ts";
import { subject } from "../subject.ts";
import { longOf } from "../task/load.ts";
import { Task } from "../task/task.ts";
import { Vendor } from "./vendor.ts";

const ofDeployment = { idOf: DEPLOYMENTS.idOf, visible: sees };

const loadDeployment = loader({
  ...ofDeployment,
  read: ({ db }, keys: readonly DeploymentKey[]) => DEPLOYMENTS.find(db, keys),
});

const loadVendors = loader({
  ...ofDeployment,
  read: ({ db }, deployments: readonly DeploymentKey[], query: DeployedQuery) =>
    vendorsDeployed(db, deployments, query),
});

const loadTasks = loader({
  ...ofDeployment,
  read: ({ db }, deployments: readonly DeploymentKey[], query: Parameters<typeof tasksDeployed>[2]) =>
    tasksDeployed(db, deployments, query),
});

const DeployedOrderInput = orderInput<DeployedOrder["field"]>("Deployed", { name: "By name, or by ID." });

/** The arguments of a page of what a deployment was about. */
const pageOfDeployed = (t: ArgumentBuilder, after: string) => ({
  orderBy: t.arg({ type: DeployedOrderInput, defaultValue: BY_DEPLOYED_NAME, description: "Ascending, unless told." }),
  first: t.arg.int({ defaultValue: DEFAULT_SIZE, description: "0 to 100." }),
  after: t.arg.string({ description: after }),
});

function requireCursor({ after }: DeployedQuery): void {
  if (after != null && !isStorable(after)) throw foreignCursor();
}

const Deployment = builder.prismaNode("Deployment", {
  nullable: true,
  description: "What went out: a commit with its pull request, for which vendors and tasks. It is never changed.",
  id: { resolve: DEPLOYMENTS.idOf },
  findUnique: (id, { viewer }) => {
    // What no row can hold is not found.
    const [projectId = "", deploymentId = ""] = isStorable(id) ? id.split("/") : [];
    return {
      projectId_deploymentId: { projectId, deploymentId: asUuid(deploymentId) },
      AND: [visibleWhere(viewer)],
    };
  },
  fields: (t) => ({
    vendors: t.field({
      type: [Vendor],
      description: "The vendors that it was about, in pages.",
      args: pageOfDeployed(t, "`name` of the last one seen; without it from the first."),
      resolve: async (deployment, query, ctx) => {
        requireCursor(query);
        return (await loadVendors(ctx, deployment, query)) ?? [];
      },
    }),
    tasks: t.field({
      type: [Task],
      description: "The tasks that it was about, in pages, deleted ones left out.",
      args: pageOfDeployed(t, "`taskId` of the last one seen; without it from the first."),
      resolve: async (deployment, query, ctx, info) => {
        requireCursor(query);
        return (await loadTasks(ctx, deployment, { ...query, long: longOf(info) })) ?? [];
      },
    }),
  }),
});
builder.objectFields(Deployment, (t) => shownFields(t, DEPLOYMENT, {}));

subject(Deployment, "deployment", {
  keyOf: ({ projectId, deploymentId }) => ({ projectId, id: deploymentId }),
  load: async (ctx, { projectId, id }, asOf) =>
    projectId === null ? null : loadDeployment(ctx, { projectId, deploymentId: id }, undefined, asOf),
});

const DeploymentConnection = builder.connectionObject(
  { name: "DeploymentConnection", type: Deployment },
  { name: "DeploymentEdge" },
);

const DeploymentOrderInput = orderInput<DeploymentOrder["field"]>("Deployment", {
  deployedAt: "When it went out.",
  createdAt: "When it was recorded.",
  prNumber: "By the number of its pull request.",
});
const deploymentOrder = ({ arg }: ArgumentBuilder) =>
  arg({ type: DeploymentOrderInput, defaultValue: LATEST_DEPLOYMENTS, description: "The latest first, unless told." });

const DeploymentFilterInput = builder.inputRef<DeploymentFilter>("DeploymentFilter").implement({
  description: "Everything given must hold; what is left out allows everything.",
  fields: (t) => ({
    projects: t.idList({ description: "PROJECT_NOT_FOUND if one is unknown or outside this key." }),
    vendor: t.string({ description: "The name of a vendor that it was about, whatever the case." }),
    task: t.id({ description: "The ID of a task that it was about, like TASK-046." }),
    commitHash: t.field({ type: StringFilterInput, description: "The Git commit that went out." }),
    prNumber: t.field({ type: IntFilterInput, description: "The number of its pull request." }),
    constitutionalCompliance: t.boolean({ description: "Whether it keeps to the project's principles." }),
    createdBy: t.field({ type: StringFilterInput, description: "Who recorded it." }),
    deployedAt: t.field({ type: DateFilterInput, description: "When it went out." }),
    createdAt: t.field({ type: DateFilterInput, description: "When it was recorded." }),
    and: t.field({ type: [DeploymentFilterInput], description: "Each of these holds." }),
    or: t.field({ type: [DeploymentFilterInput], description: "At least one of these holds." }),
    not: t.field({ type: DeploymentFilterInput, description: "This does not hold." }),
  }),
});

const loadDeployments = listLoader(listDeployments);

builder.queryFields((t) => ({
  deployment: t.field({
    type: Deployment,
    nullable: true,
    description: "One deployment. NOT_FOUND when there is none that this key sees.",
    args: { deploymentId: t.arg.id({ required: true, description: "deploymentId, from deployments." }) },
    resolve: (_root, { deploymentId }, ctx) => findDeployment(ctx, deploymentId),
  }),
  deployments: t.connection(
    {
      type: Deployment,
      nullable: true,
      description:
        "Deployments of a project, or of every project this key sees that is not archived, in pages of at most 100 (default 50). PROJECT_NOT_FOUND",
      args: {
        projectId: t.arg.id({ description: "Of this project alone." }),
        filter: t.arg({ type: DeploymentFilterInput, description: "Which deployments." }),
        orderBy: deploymentOrder(t),
      },
      resolve: (_root, args, ctx) => loadDeployments(ctx, args),
    },
    DeploymentConnection,
  ),
}));

/** Pages of the deployments that were about each of many things of one kind. */
function deploymentsOf<Key extends DeployedKey>(idOf: (key: Key) => string) {
  const loadPage = loader({
    idOf,
    visible: sees,
    read: ({ db }, keys: readonly Key[], page: DeploymentPageArgs) => listDeploymentsOf(db, keys, page),
  });
  const loadTotal = loader({
    idOf,
    visible: sees,
    read: ({ db }, keys: readonly Key[]) => countDeploymentsOf(db, keys),
  });
  return async (key: Key, args: DeploymentPageArgs, ctx: GraphQLContext) => {
    const page = await loadPage(ctx, key, args);
    return page && { ...page, totalCount: async () => (await loadTotal(ctx, key)) ?? 0 };
  };
}

const ofVendor = deploymentsOf(VENDORS.idOf);
const ofTask = deploymentsOf(idOfTask);

builder.prismaObjectField(Vendor, "deployments", (t) =>
  t.connection(
    {
      type: Deployment,
      description: "The deployments that were about it, in pages of at most 100 (default 50).",
      args: { orderBy: deploymentOrder(t) },
      resolve: ({ projectId, vendorId }, args, ctx) => ofVendor({ projectId, vendorId }, args, ctx),
    },
    DeploymentConnection,
  ),
);

builder.prismaObjectField(Task, "deployments", (t) =>
  t.connection(
    {
      type: Deployment,
      description: "The deployments that were about it, in pages of at most 100 (default 50).",
      args: { orderBy: deploymentOrder(t) },
      resolve: ({ projectId, taskId }, args, ctx) => ofTask({ projectId, taskId }, args, ctx),
    },
    DeploymentConnection,
  ),
);

mutation(recordDeployment, {
  description:
    "Records what went out, with the vendors and the tasks that it was about. It is never changed. PROJECT_NOT_FOUND, TASK_NOT_FOUND, NOT_FOUND for a vendor",
  input: (t) => ({
    ...givenFields(t, DEPLOYMENT, "create", {}),
    projectId: t.id({ required: true, description: "The project's slug, like web-shop." }),
    deployedAt: t.field({ type: "DateTime", description: "When it went out: now, unless told." }),
    commitHash: t.string({
      required: true,
      description: "The Git commit that went out: 40 hexadecimal digits in lower case.",
    }),
    prNumber: t.int({ required: true, description: "The number of its pull request, 1 or more." }),
    prTitle: t.string({ required: true, description: "The title of its pull request, 1 to 200 characters." }),
    testSummary: t.field({
      type: "JSON",
      required: true,
      description: "How many tests of each kind there were, like {unit: 12, integration: 3}: at most 100 counts.",
    }),
    constitutionalCompliance: t.boolean({
      required: true,
      description: "Whether it keeps to the project's principles.",
    }),
    vendors: t.stringList({ description: "The names of the vendors that it was about, at most 1,000." }),
    tasks: t.idList({ description: "The IDs of the tasks that it was about, at most 1,000." }),
  }),
  payload: (t) => ({
    deployment: t.field({
      type: Deployment,
      description: "As it was recorded.",
      resolve: async (key, _args, ctx) =>
        (await loadDeployment(ctx, key)) ?? Promise.reject(notFound("Deployment", key.deploymentId)),
    }),
  }),
});
