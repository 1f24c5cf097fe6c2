import { requireVisible, visibleWhere } from "../src/access/visibility.ts";
import { isStorable } from "../src/db/storable.ts";
import { projectNotFound } from "../src/errors.ts";
import { BY_ID, listProjects, type ProjectOrder } from "../src/projects/list.ts";
import type { IdReuse as ReuseShape } from "../src/projects/namespace.ts";
import { QUEUE } from "../src/tasks/list.ts";
import { type StatusCount, statusCounts } from "../src/tasks/status-counts.ts";
import { builder } from "./builder.ts";
import { choiceEnum } from "./choice.ts";
import { listSize } from "./cost.ts";
import { listLoader } from "./list-loader.ts";
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

export const IdReuse = choiceEnum<ReuseShape>(
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
