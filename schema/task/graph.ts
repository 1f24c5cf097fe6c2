import {
  criticalPath,
  MOST_ON_PATH,
  MOST_OPEN,
  type CriticalPath as Path,
} from "../../src/tasks/dependencies/critical-path.ts";
import {
  type ProjectGraph as Graph,
  type TaskLink as Link,
  type LinkKind,
  MOST_LINKS,
  MOST_NODES,
  projectGraph,
} from "../../src/tasks/dependencies/project-graph.ts";
import type { TaskKey } from "../../src/tasks/task.ts";
import { builder } from "../builder.ts";
import { choiceEnum } from "../choice.ts";
import { listSize } from "../cost.ts";
import { longOf } from "./load.ts";
import { answeredTask } from "./payload.ts";
import { Task } from "./task.ts";

const CriticalPath = builder.objectRef<Path>("CriticalPath").implement({
  description: "The longest chain of open work that a project waits for.",
  fields: (t) => ({
    tasks: t.field({
      type: [Task],
      description: `In the order in which they can be done; the last is of the project. Of a path of more than ${MOST_ON_PATH} the first ${MOST_ON_PATH}.`,
      extensions: listSize(MOST_ON_PATH),
      resolve: ({ tasks }, _args, ctx, info) => Promise.all(tasks.map((key) => answeredTask(key, ctx, info))),
    }),
    count: t.exposeInt("count", { description: "How many tasks the whole path has." }),
    totalHours: t.exposeFloat("totalHours", {
      description: "Their metadata.estimated_hours together; a task without counts as 1.",
    }),
  }),
});

builder.queryField("criticalPath", (t) =>
  t.field({
    type: CriticalPath,
    nullable: true,
    description: `How long the open work of a project takes at least, however many work on it: of all chains of open tasks in which each waits for the one before, as a dependent (BLOCKS) or as a parent for its child, the one with the most hours. What it waits for in other projects counts as far as this key sees it. QUERY_TOO_COMPLEX for more than ${MOST_OPEN} open tasks; PROJECT_NOT_FOUND`,
    args: { projectId: t.arg.id({ required: true, description: "The project's slug, like web-shop." }) },
    resolve: (_root, { projectId }, ctx) => criticalPath(ctx, projectId),
  }),
);

const TaskLinkKind = choiceEnum<LinkKind>("TaskLinkKind", "How one task has to do with another.", {
  blocks: "`from` waits until `to` is completed or deleted.",
  parent: "`from` is a part of `to`, which waits until it is completed or deleted.",
  relates_to: "They have to do with each other.",
  discovered_from: "`from` was found at work on `to`.",
  duplicates: "`from` asks for the same as `to`.",
});

const LinkedTask = builder.objectRef<TaskKey>("TaskKey").implement({
  description: "What names a task.",
  fields: (t) => ({
    projectId: t.exposeID("projectId", { description: "Its project." }),
    taskId: t.exposeID("taskId", { description: "Like TASK-046; unique within the project." }),
  }),
});

const TaskLink = builder.objectRef<Link>("TaskLink").implement({
  description: "An edge of a graph of tasks.",
  fields: (t) => ({
    kind: t.expose("kind", { type: TaskLinkKind, description: "How they have to do with each other." }),
    from: t.expose("from", { type: LinkedTask, description: "One of the nodes." }),
    to: t.expose("to", { type: LinkedTask, description: "Another one of the nodes." }),
  }),
});

const ProjectGraph = builder.objectRef<Graph>("ProjectGraph").implement({
  description: "The tasks of a project, and how they hang together.",
  fields: (t) => ({
    nodes: t.field({
      type: [Task],
      description: `The tasks, as claims take them, at most ${MOST_NODES}; then those of other projects that they have to do with, as far as this key sees them: blockedByHidden tells of others.`,
      extensions: listSize(MOST_NODES),
      resolve: ({ nodes }) => [...nodes],
    }),
    edges: t.field({
      type: [TaskLink],
      description: `How the nodes have to do with each other, at most ${MOST_LINKS}: first what keeps them waiting.`,
      extensions: listSize(MOST_LINKS),
      resolve: ({ edges }) => [...edges],
    }),
    nodeCount: t.exposeInt("nodeCount", { description: "How many nodes the whole graph has." }),
    edgeCount: t.exposeInt("edgeCount", {
      description: "How many edges there are between the nodes that are answered.",
    }),
    truncated: t.boolean({
      description: "Whether nodes or edges were left out, as they are too many.",
      resolve: ({ nodes, edges, nodeCount, edgeCount }) => nodes.length < nodeCount || edges.length < edgeCount,
    }),
  }),
});

builder.queryField("projectGraph", (t) =>
  t.field({
    type: ProjectGraph,
    nullable: true,
    description: "The open tasks of a project with their dependencies and parents, in one call. PROJECT_NOT_FOUND",
    args: {
      projectId: t.arg.id({ required: true, description: "The project's slug, like web-shop." }),
      completed: t.arg.boolean({ defaultValue: false, description: "true: completed tasks, too." }),
    },
    resolve: (_root, { projectId, completed }, ctx, info) =>
      projectGraph(ctx, { projectId, completed: completed ?? false, long: longOf(info) }),
  }),
);
