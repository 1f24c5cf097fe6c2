import type { Project } from "../prisma/generated/client/client.ts";
import { sees } from "../src/access/visibility.ts";
import { projectNotFound } from "../src/errors.ts";
import { findBudgets } from "../src/projects/budget.ts";
import { findProjects } from "../src/projects/find.ts";
import { findReuse, type Reuse } from "../src/projects/namespace.ts";
import { projectsOf } from "../src/tasks/filter.ts";
import { countTasksOf, type ListTasks, listTasksOf } from "../src/tasks/list.ts";
import { statusCountsOf } from "../src/tasks/status-counts.ts";
import type { GraphQLContext } from "./context.ts";
import { loader } from "./loader.ts";

interface ProjectKey {
  readonly projectId: string;
}

const idOf = ({ projectId }: ProjectKey) => projectId;
const idsOf = (keys: readonly ProjectKey[]) => keys.map(idOf);

export const loadProject = loader({
  idOf,
  visible: sees,
  read: ({ db }, keys: readonly ProjectKey[]) => findProjects(db, idsOf(keys)),
});

const loadReuse = loader({
  idOf: ({ idNamespace }: Project) => idNamespace,
  visible: sees,
  read: ({ db }, projects) =>
    findReuse(
      db,
      projects.map(({ idNamespace }) => idNamespace),
    ),
});

/** What holds in the project's namespace. */
export async function reuseOf(project: Project, ctx: GraphQLContext): Promise<Reuse> {
  const found = await loadReuse(ctx, project);
  if (!found) throw new Error(`The namespace ${project.idNamespace} is not there`);
  return found;
}

export const loadBudget = loader({
  idOf,
  visible: sees,
  read: ({ db }, keys: readonly ProjectKey[]) => findBudgets(db, idsOf(keys)),
});

export const loadStatusCounts = loader({
  idOf,
  visible: sees,
  read: ({ db }, keys: readonly ProjectKey[]) => statusCountsOf(db, idsOf(keys)),
});

const loadTasks = loader({
  idOf,
  visible: sees,
  read: ({ db }, keys: readonly ProjectKey[], args: ListTasks) => listTasksOf(db, idsOf(keys), args),
});

const loadTotal = loader({
  idOf,
  visible: sees,
  read: ({ db }, keys: readonly ProjectKey[], { filter }: Pick<ListTasks, "filter">) =>
    countTasksOf(db, idsOf(keys), filter),
});

export const loadOverdueCount = loader({
  idOf,
  visible: sees,
  read: ({ db }, keys: readonly ProjectKey[]) => countTasksOf(db, idsOf(keys), { overdue: true }),
});

/**
 * A page of the project's tasks.
 * @throws PROJECT_NOT_FOUND when the filter names an unknown or foreign project; BAD_USER_INPUT
 */
export async function tasksOf(project: ProjectKey, args: ListTasks, ctx: GraphQLContext) {
  const { filter } = args;
  await Promise.all(
    projectsOf(filter ?? {}).map(async (projectId) => {
      if (!(await loadProject(ctx, { projectId }))) throw projectNotFound(projectId);
    }),
  );
  const page = await loadTasks(ctx, project, args);
  return page && { ...page, totalCount: async () => (await loadTotal(ctx, project, { filter })) ?? 0 };
}
