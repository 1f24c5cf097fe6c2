import type { Project as ProjectRow } from "../prisma/generated/client/client.ts";
import type { StatusFrame } from "../src/log/frames.ts";
import type { Log } from "../src/log/log.ts";
import { type StatusCount, statusCountsLoader } from "../src/tasks/status-counts.ts";
import { builder } from "./builder.ts";
import type { GraphQLContext } from "./context.ts";
import { asNewRequest, CurrentState } from "./current-state.ts";
import { Project } from "./project.ts";

const ProjectStatusFrame = builder.objectRef<StatusFrame>("ProjectStatusFrame").implement({
  description: "Projects as they are now. At most 10 a second; one without projects every 15 s shows that it lives.",
  fields: (t) => ({
    cursor: t.exposeString("cursor", {
      description: "The projects include everything before this place: taskEvents with it as `after` tells the rest.",
    }),
    projects: t.prismaField({
      type: [Project],
      description: "In the first frame every project that is watched, then those that changed since the last frame.",
      resolve: (query, frame, _args, ctx) => loadProjects(frame, query, ctx),
    }),
  }),
});

builder.subscriptionField("projectStatus", (t) =>
  t.field({
    type: ProjectStatusFrame,
    nullable: true,
    description:
      "Projects and their counts, whenever something in them changes. After a break subscribe again: the first frame " +
      "has everything. Ends when the key is revoked or expires. PROJECT_NOT_FOUND, RATE_LIMITED",
    args: { projects: t.arg.idList({ description: "Without it all this key sees, also those yet to come." }) },
    subscribe: (_root, { projects }, { log, viewer }) => log.watchProjects(viewer, projects ?? null),
    resolve: (frame, _args, ctx) => asNewRequest(frame, ctx),
  }),
);

interface Current {
  readonly projects: CurrentState<string, ProjectRow>;
  readonly counts: CurrentState<string, StatusCount[]>;
}

const loaders = new WeakMap<Log, Current>();

async function loadProjects({ projectIds, cursor }: StatusFrame, query: object, ctx: GraphQLContext) {
  const { projects, counts } = current(ctx);
  const loaded = await Promise.all(
    projectIds.map(async (projectId) => {
      const [project, statusCounts] = await Promise.all([
        projects.load(projectId, cursor, query),
        counts.load(projectId, cursor, {}),
      ]);
      // What Project.taskCounts will ask for.
      if (statusCounts) ctx.statusCounts.prime(projectId, statusCounts);
      return project;
    }),
  );
  return loaded.filter((project) => project !== null);
}

function current({ prisma, db, log }: GraphQLContext): Current {
  const made = loaders.get(log) ?? {
    projects: new CurrentState<string, ProjectRow>(String, async (projectIds, query) => {
      const rows = await prisma.project.findMany({ ...query, where: { projectId: { in: [...projectIds] } } });
      return rows.map((row) => [row.projectId, row]);
    }),
    counts: new CurrentState<string, StatusCount[]>(String, async (projectIds) => {
      const counts = await statusCountsLoader(db).loadMany(projectIds);
      return projectIds.flatMap((projectId, i) => {
        const found = counts[i];
        if (found instanceof Error) throw found;
        return found ? [[projectId, found] satisfies [string, StatusCount[]]] : [];
      });
    }),
  };
  loaders.set(log, made);
  return made;
}
