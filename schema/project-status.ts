import { MOST_PROJECTS, type StatusFrame } from "../src/log/live/frames.ts";
import { builder } from "./builder.ts";
import { beginFrame } from "./context.ts";
import { listSize } from "./cost.ts";
import { Project } from "./project.ts";
import { loadProject } from "./project-load.ts";

const ProjectStatusFrame = builder.objectRef<StatusFrame>("ProjectStatusFrame").implement({
  description: "Projects as they are now. At most 10 a second; one without projects every 15 s shows that it lives.",
  fields: (t) => ({
    cursor: t.exposeString("cursor", {
      description: "The projects include everything before this place: taskEvents with it as `after` tells the rest.",
    }),
    projects: t.field({
      type: [Project],
      description: `First every project that is watched, then those that changed. At most ${MOST_PROJECTS} in a frame, the rest in the next.`,
      extensions: listSize(MOST_PROJECTS),
      resolve: async ({ projectIds }, _args, ctx) => {
        const projects = await Promise.all(projectIds.map((projectId) => loadProject(ctx, { projectId })));
        return projects.filter((project) => project != null);
      },
    }),
  }),
});

builder.subscriptionField("projectStatus", (t) =>
  t.field({
    type: ProjectStatusFrame,
    nullable: true,
    description:
      "Projects and their counts, whenever something in them changes. One that is archived comes once more, with archivedAt; to a " +
      "new subscription only if named. After a break subscribe again: it begins " +
      "with everything. Ends when the key is revoked or expires. PROJECT_NOT_FOUND, RATE_LIMITED",
    args: { projects: t.arg.idList({ description: "Without it all this key sees, also those yet to come." }) },
    subscribe: (_root, { projects }, { log, viewer }) => log.watchProjects(viewer, projects ?? null),
    resolve: (frame, _args, ctx) => beginFrame(frame, ctx),
  }),
);
