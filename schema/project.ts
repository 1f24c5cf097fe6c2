import { requireVisible, visibleWhere } from "../src/access/visibility.ts";
import { isStorable } from "../src/db/storable.ts";
import { projectNotFound } from "../src/errors.ts";
import { archiveProject, unarchiveProject } from "../src/projects/archive.ts";
import { createProject } from "../src/projects/create.ts";
import { BY_ID, listProjects, type ProjectOrder } from "../src/projects/list.ts";
import type { IdReuse as ReuseShape } from "../src/projects/namespace.ts";
import { pauseProject, resumeProject } from "../src/projects/pause.ts";
import { updateProject } from "../src/projects/update.ts";
import { QUEUE } from "../src/tasks/list.ts";
import { type StatusCount, statusCounts } from "../src/tasks/status-counts.ts";
import { budgetField } from "./budget-input.ts";
import { builder, type FieldBuilder, type InputBuilder } from "./builder.ts";
import { choiceEnum } from "./choice.ts";
import { listSize } from "./cost.ts";
import { listLoader } from "./list-loader.ts";
import { mutation } from "./mutation.ts";
import { orderInput } from "./order.ts";
import { loadOverdueCount, loadProject, loadStatusCounts, reuseOf, tasksOf } from "./project-load.ts";
import { TaskFilterInput, TaskOrder } from "./task/filter.ts";
import { listedOf } from "./task/load.ts";
import { Task, TaskConnection, TaskStatus } from "./task/task.ts";

const ProjectOrderInput = orderInput<ProjectOrder["field"]>("Project", {
  projectId: "By id.",
  name: "By name.",
  createdAt: "When it was made.",
});

const IdReuse = choiceEnum<ReuseShape>(
  "IdReuse",
  "When numbers that were released or expired are given again in a namespace.",
  {
    immediately: "By the next reservation, lowest first (the default).",
    after: "After idQuarantineSeconds: an agent that slept past its expiry may have written files already.",
    never: "Never: every number is given at most once.",
  },
);

export const TaskCount = builder.objectRef<StatusCount>("TaskCount").implement({
  description: "How many tasks have a status; deleted and archived tasks do not count.",
  fields: (t) => ({
    status: t.expose("status", { type: TaskStatus, description: "The status that is counted." }),
    count: t.exposeInt("count", { description: "How many tasks have it; 0 where none has." }),
  }),
});

export const Project = builder.prismaNode("Project", {
  // node(id) answers null for unknown and foreign ones, and no error.
  nullable: true,
  description: "A tenant: it owns tasks and an ID registry. Nothing in it can refer to another project.",
  id: { resolve: ({ projectId }) => projectId },
  findUnique: (projectId, { viewer }) => ({ projectId, AND: [visibleWhere(viewer)] }),
  fields: (t) => ({
    projectId: t.exposeID("projectId", { description: "The project's slug, like web-shop." }),
    name: t.exposeString("name", { description: "What people call it, 1 to 200 characters." }),
    idNamespace: t.exposeString("idNamespace", {
      description: "Where its artifact numbers are unique: its own id, or a namespace that projects share.",
    }),
    idReuse: t.field({
      type: IdReuse,
      description: "When the namespace gives released and expired numbers again.",
      resolve: async (project, _args, ctx) => (await reuseOf(project, ctx)).idReuse,
    }),
    idQuarantineSeconds: t.int({
      nullable: true,
      description: "Seconds that released numbers rest; only with idReuse AFTER.",
      resolve: async (project, _args, ctx) => (await reuseOf(project, ctx)).idQuarantineSeconds,
    }),
    version: t.exposeInt("version", { description: "Counts the changes; for expectedVersion." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was created." }),
    archivedAt: t.expose("archivedAt", {
      type: "DateTime",
      nullable: true,
      description: "Since when it is archived: shown in no overview, without new work or IDs. null: it is in use.",
    }),
    pausedAt: t.expose("pausedAt", {
      type: "DateTime",
      nullable: true,
      description: "Since when it is paused: claims in it take nothing, and what is held goes on. null: it is not.",
    }),
    pauseReason: t.exposeString("pauseReason", { nullable: true, description: "Why it is paused, as was said." }),
    pausedUntil: t.expose("pausedUntil", {
      type: "DateTime",
      nullable: true,
      description: "When the pause ends by itself; null: not before resumeProject.",
    }),
    budgetSpentUntil: t.expose("budgetSpentUntil", {
      type: "DateTime",
      nullable: true,
      description:
        "Until when claims in it take nothing as its budget is spent; what is held goes on. null: it is not.",
    }),
    taskCounts: t.field({
      type: [TaskCount],
      description: "Its tasks by status; every status is named.",
      // There are three statuses, counted for all projects in one statement.
      extensions: listSize(0),
      resolve: async (project, _args, ctx) => (await loadStatusCounts(ctx, project)) ?? [],
    }),
    overdueCount: t.int({
      description: "How many of its tasks are open, and their due date has passed.",
      resolve: async (project, _args, ctx) => (await loadOverdueCount(ctx, project)) ?? 0,
    }),
    tasks: t.connection(
      {
        type: Task,
        description: "Its tasks, as in Query.tasks.",
        args: {
          filter: t.arg({ type: TaskFilterInput, description: "Which of its tasks." }),
          orderBy: t.arg({ type: TaskOrder, defaultValue: QUEUE, description: "As claims take them, unless told." }),
        },
        resolve: (project, args, ctx, info) => tasksOf(project, { ...args, ...listedOf(info) }, ctx),
      },
      TaskConnection,
    ),
  }),
});

builder.prismaObjectField(Task, "project", (t) =>
  t.field({
    type: Project,
    description: "The project that it belongs to.",
    resolve: async (task, _args, ctx) =>
      (await loadProject(ctx, task)) ?? Promise.reject(projectNotFound(task.projectId)),
  }),
);

builder.queryField("project", (t) =>
  t.prismaField({
    type: Project,
    nullable: true,
    description: "One project. PROJECT_NOT_FOUND when it does not exist or is outside this key.",
    args: { projectId: t.arg.id({ required: true, description: "The project's slug, like web-shop." }) },
    resolve: (query, _root, { projectId }, { prisma, viewer }) => {
      requireVisible(viewer, projectId);
      if (!isStorable(projectId)) throw projectNotFound(projectId);
      return prisma.project
        .findUnique({ ...query, where: { projectId } })
        .then((project) => project ?? Promise.reject(projectNotFound(projectId)));
    },
  }),
);

const loadProjects = listLoader(listProjects);

builder.queryField("projects", (t) =>
  t.connection(
    {
      type: Project,
      nullable: true,
      description: "Every project this key sees that is not archived.",
      args: {
        archived: t.arg.boolean({ defaultValue: false, description: "true: the archived ones instead." }),
        orderBy: t.arg({ type: ProjectOrderInput, defaultValue: BY_ID, description: "By id, unless told." }),
      },
      resolve: (_root, args, ctx) => loadProjects(ctx, args),
    },
    { name: "ProjectConnection" },
    { name: "ProjectEdge" },
  ),
);

const loadCounts = listLoader(statusCounts);

builder.queryField("statusCounts", (t) =>
  t.field({
    type: [TaskCount],
    nullable: true,
    description:
      "Tasks by status over all projects this key sees that are not archived, or over those named. PROJECT_NOT_FOUND",
    extensions: listSize(0),
    args: { projects: t.arg.idList({ description: "Their ids; without it every project this key sees." }) },
    resolve: (_root, { projects }, ctx) => loadCounts(ctx, projects ?? null),
  }),
);

/** The project of a mutation's result. */
const projectOf = <Parent extends { readonly projectId: string }>(t: FieldBuilder<Parent>) =>
  t.prismaField({
    type: Project,
    description: "As it is now.",
    resolve: (query, { projectId }, _args, { prisma, viewer }) =>
      prisma.project.findUniqueOrThrow({ ...query, where: { projectId, AND: [visibleWhere(viewer)] } }),
  });

const LEASE_SECONDS = "Seconds for which a claim holds, unless the caller says: 1 to 604800.";
/** How much work goes on at once. */
const limits = (t: InputBuilder, otherwise: string) => ({
  maxInProgress: t.int({
    description: `How many of its tasks may be in progress at once, 1 to 10000; claims beyond that answer PROJECT_AT_LIMIT. Projects and sessions do not count. ${otherwise}`,
  }),
  maxInProgressPerWorker: t.int({
    description: `The same of the tasks that one worker, by its name, holds: WORKER_AT_LIMIT. ${otherwise}`,
  }),
});
const MAX_ATTEMPTS = "After so many attempts that failed in a row a task is parked: 1 to 100.";
const RETRY_SECONDS =
  "Seconds for which a task waits after two of them, doubled with each more, an hour at most: 1 to 3600.";
const STALLED_AFTER_SECONDS =
  "Seconds after which an attempt that is renewed, and shows nothing else, is stalled: 1 to 604800 (a week).";
const RAISE_PRIORITY_BEFORE =
  "How long before it is due the priority of an open task is raised by one step, once for each due date: P2D, 2 days, at most 366 days. null: it is not.";
const QUARANTINE = "Seconds that released numbers rest; with idReuse AFTER, and only then.";

mutation(createProject, {
  description:
    "Creates a project. Agents may, with a namespace of their own; idNamespace, idReuse and idJumpLimit take an admin. " +
    "FORBIDDEN for a key that is limited to some projects; BAD_USER_INPUT when it exists already.",
  input: (t) => ({
    projectId: t.id({ required: true, description: "A slug: a-z, 0-9 and -, at most 100 characters." }),
    name: t.string({ required: true, description: "What people call it, 1 to 200 characters." }),
    idNamespace: t.string({
      description: "Share artifact numbers with other projects of this namespace. Set here and never changed.",
    }),
    leaseSeconds: t.int({ description: `${LEASE_SECONDS} Default 3600.` }),
    artifactTypes: t.stringList({ description: "Beside the built-in types; 2 to 10 letters each." }),
    idJumpLimit: t.int({ description: "1 to 2147483647; default 10000." }),
    ...limits(t, "Default: any number."),
    budget: budgetField(t, "Default: none."),
    maxAttempts: t.int({ description: `${MAX_ATTEMPTS} Default 5.` }),
    retrySeconds: t.int({ description: `${RETRY_SECONDS} Default 15.` }),
    stalledAfterSeconds: t.int({ description: `${STALLED_AFTER_SECONDS} Default 3600.` }),
    raisePriorityBefore: t.string({ description: `${RAISE_PRIORITY_BEFORE} Default: null.` }),
    idReuse: t.field({
      type: IdReuse,
      description:
        "When released numbers are given again; for admins. Holds for every project of a shared namespace. Default IMMEDIATELY.",
    }),
    idQuarantineSeconds: t.int({ description: QUARANTINE }),
  }),
  payload: (t) => ({ project: projectOf(t) }),
});

/** Names the project of a change. */
const address = (t: InputBuilder) => ({
  projectId: t.id({ required: true, description: "The project's slug, like web-shop." }),
  expectedVersion: t.int({ description: "Refuse the change if the version is another one." }),
});

mutation(updateProject, {
  description: "Changes a project; admin only. What is left out stays. VERSION_CONFLICT, PROJECT_NOT_FOUND",
  input: (t) => ({
    ...address(t),
    name: t.string({ description: "What people call it, 1 to 200 characters." }),
    leaseSeconds: t.int({ description: LEASE_SECONDS }),
    artifactTypes: t.stringList({ description: "Replaces the list." }),
    idJumpLimit: t.int({
      description: "1 to 2147483647. FORBIDDEN unless this key sees every project of the namespace.",
    }),
    ...limits(t, "null: any number. What is in progress already stays so."),
    budget: budgetField(
      t,
      "null: none. What was used in this period counts; where the new one is not spent, claims go on at once.",
    ),
    maxAttempts: t.int({ description: MAX_ATTEMPTS }),
    retrySeconds: t.int({ description: RETRY_SECONDS }),
    stalledAfterSeconds: t.int({ description: STALLED_AFTER_SECONDS }),
    raisePriorityBefore: t.string({ description: RAISE_PRIORITY_BEFORE }),
    idReuse: t.field({ type: IdReuse, description: "Holds for every project of the namespace." }),
    idQuarantineSeconds: t.int({ description: QUARANTINE }),
  }),
  payload: (t) => ({ project: projectOf(t) }),
});

mutation(pauseProject, {
  description:
    "Lets a project hand out no work for a while; admin only. Claims answer idle with PROJECT_PAUSED and when to ask again, a claim by " +
    "status NOT_READY; what is held goes on: renewed, completed, released. Done again it changes the reason and the time. " +
    "PROJECT_NOT_FOUND, VERSION_CONFLICT",
  input: (t) => ({
    ...address(t),
    reason: t.string({ description: "Why, for who asks for work; at most 500 characters." }),
    until: t.field({
      type: "DateTime",
      description: "When it ends by itself: in the future. Left out: not before resumeProject.",
    }),
  }),
  payload: (t) => ({ project: projectOf(t) }),
});

mutation(resumeProject, {
  description:
    "Lets a paused project hand out work again; admin only. Done again it changes nothing. PROJECT_NOT_FOUND, VERSION_CONFLICT",
  input: address,
  payload: (t) => ({ project: projectOf(t) }),
});

mutation(archiveProject, {
  description:
    "Puts a project away; admin only. It leaves every overview and refuses claims, new tasks and new IDs with " +
    "PROJECT_ARCHIVED. It keeps everything, and what is held may be finished: renewed, completed, released, confirmed. " +
    "Done again it changes nothing. PROJECT_NOT_FOUND, VERSION_CONFLICT",
  input: address,
  payload: (t) => ({ project: projectOf(t) }),
});

mutation(unarchiveProject, {
  description:
    "Brings an archived project back as it was; admin only. Done again it changes nothing. PROJECT_NOT_FOUND, VERSION_CONFLICT",
  input: address,
  payload: (t) => ({ project: projectOf(t) }),
});
