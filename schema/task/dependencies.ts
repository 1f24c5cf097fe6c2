import { type Sight, sees } from "../../src/access/visibility.ts";
import { DEFAULT_SIZE, foreignCursor } from "../../src/db/page.ts";
import { isStorable } from "../../src/db/storable.ts";
import { addDependency } from "../../src/tasks/dependencies/add.ts";
import type { DependencyKind as Kind } from "../../src/tasks/dependencies/dependency.ts";
import {
  BY_TASK,
  blockedByHidden,
  countRelations,
  type DependenciesQuery,
  type DependencyOrder,
  listDependencies,
  listRelations,
  type Relation,
  type RelationsQuery,
} from "../../src/tasks/dependencies/list.ts";
import { removeDependency } from "../../src/tasks/dependencies/remove.ts";
import { idOfTask } from "../../src/tasks/find.ts";
import type { TaskKey } from "../../src/tasks/task.ts";
import { type ArgumentBuilder, builder, type InputBuilder } from "../builder.ts";
import { choiceEnum } from "../choice.ts";
import { loader } from "../loader.ts";
import { mutation } from "../mutation.ts";
import { orderInput } from "../order.ts";
import { longOf } from "./load.ts";
import { answeredTask, taskOf } from "./payload.ts";
import { Task } from "./task.ts";

const DependencyKind = choiceEnum<Kind>("DependencyKind", "How two tasks have to do with each other.", {
  blocks: "The task waits until the other is completed or deleted. It alone keeps a task from being claimed.",
  relates_to: "They have to do with each other.",
  discovered_from: "The task was found at work on the other.",
  duplicates: "The task asks for the same as the other.",
});

const TaskKeyInput = builder.inputRef<{ projectId?: string | null; taskId: string }>("TaskKeyInput").implement({
  description: "Names a task.",
  fields: (t) => ({
    projectId: t.id({ description: "Default: the project of the task that it is named for." }),
    taskId: t.id({ required: true, description: "Like TASK-046." }),
  }),
});

const dependency = (t: InputBuilder) => ({
  projectId: t.id({ required: true, description: "The project of taskId." }),
  taskId: t.id({ required: true, description: "The task that waits, like TASK-046." }),
  dependsOn: t.field({
    type: TaskKeyInput,
    required: true,
    description: "The task that it waits for, or has to do with; of any project that this key sees.",
  }),
  kind: t.field({ type: DependencyKind, description: "Default BLOCKS." }),
});

mutation(addDependency, {
  description:
    "Lets a task wait for another, also of another project, or relates the two. A task that somebody holds stays held: it is blocked once it is given back. DEPENDENCY_CYCLE names the circle that it would close; TASK_NOT_FOUND, PROJECT_NOT_FOUND",
  input: dependency,
  payload: (t) => ({
    task: taskOf(t),
    dependsOn: t.field({
      type: Task,
      description: "The other task.",
      resolve: ({ dependsOn }, _args, ctx, info) => answeredTask(dependsOn, ctx, info),
    }),
    added: t.exposeBoolean("changed", { description: "false: it was so already." }),
  }),
});

mutation(removeDependency, {
  description: "Takes back what addDependency did. TASK_NOT_FOUND, PROJECT_NOT_FOUND",
  input: dependency,
  payload: (t) => ({
    task: taskOf(t),
    removed: t.exposeBoolean("changed", { description: "false: there was no such dependency." }),
  }),
});

const loadDependencies = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[], args: DependenciesQuery) => listDependencies(db, tasks, args),
});

const loadRelations = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[], args: RelationsQuery) => listRelations(db, tasks, args),
});

const loadRelationCount = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[], sight: Sight) => countRelations(db, tasks, sight),
});

const loadHidden = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[], sight: Sight) => blockedByHidden(db, tasks, sight),
});

const DependencyOrderInput = orderInput<DependencyOrder["field"]>("Dependency", { task: "By project, then ID." });
const dependencyOrder = ({ arg }: ArgumentBuilder) =>
  arg({ type: DependencyOrderInput, defaultValue: BY_TASK, description: "By project, then ID, unless told." });

/** The task that a global id names. @throws BAD_USER_INPUT for that of another noun, which is not repeated. */
function seen(after: string | null | undefined): TaskKey | null {
  if (after == null) return null;
  const [, projectId, taskId] = /^Task:([^/]+)\/([^/]+)$/.exec(Buffer.from(after, "base64").toString()) ?? [];
  if (projectId === undefined || taskId === undefined || !isStorable(projectId + taskId)) throw foreignCursor();
  return { projectId, taskId };
}

const TaskRelation = builder.objectRef<Relation>("TaskRelation").implement({
  description: "A task that another has to do with, without waiting for it.",
  fields: (t) => ({
    kind: t.expose("kind", { type: DependencyKind, description: "RELATES_TO, DISCOVERED_FROM or DUPLICATES." }),
    outgoing: t.exposeBoolean("outgoing", {
      description: "true: said of the task that was asked about; false: of this one.",
    }),
    task: t.expose("task", { type: Task, description: "The other task." }),
  }),
});
const TaskRelationConnection = builder.connectionObject(
  { name: "TaskRelationConnection", type: TaskRelation },
  { name: "TaskRelationEdge" },
);

const ofTask = (way: DependenciesQuery["way"], description: string) =>
  builder.prismaObjectField(Task, way, (t) =>
    t.field({
      type: [Task],
      description: `${description}, in pages, by project and ID: completed ones too, those that this key does not see left out.`,
      args: {
        orderBy: dependencyOrder(t),
        first: t.arg.int({ defaultValue: DEFAULT_SIZE, description: "0 to 100." }),
        after: t.arg.id({ description: "The `id` of the last task seen; without it from the first." }),
      },
      resolve: async (task, { after, ...page }, ctx, info) => {
        const { projectIds } = ctx.viewer;
        const args = { ...page, way, after: seen(after), long: longOf(info), projectIds };
        return (await loadDependencies(ctx, task, args)) ?? [];
      },
    }),
  );
ofTask("blockedBy", "The tasks that it waits for until each is completed or deleted");
ofTask("blocks", "The tasks that wait for it until it is completed or deleted");

builder.prismaObjectField(Task, "blockedByHidden", (t) =>
  t.boolean({
    description: "Whether a task of a project that this key does not see keeps it waiting.",
    resolve: async (task, _args, ctx) => (await loadHidden(ctx, task, { projectIds: ctx.viewer.projectIds })) ?? false,
  }),
);

builder.prismaObjectField(Task, "related", (t) =>
  t.connection(
    {
      type: TaskRelation,
      description:
        "The tasks that it has to do with without waiting, in both directions, in pages of at most 100 (default 50), by project and ID: those that this key does not see left out.",
      args: { orderBy: dependencyOrder(t) },
      resolve: async (task, args, ctx, info) => {
        const { projectIds } = ctx.viewer;
        const page = await loadRelations(ctx, task, { ...args, long: longOf(info), projectIds });
        return page && { ...page, totalCount: async () => (await loadRelationCount(ctx, task, { projectIds })) ?? 0 };
      },
    },
    TaskRelationConnection,
  ),
);
