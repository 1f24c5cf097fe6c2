import { sees } from "../src/access/visibility.ts";
import type { HistoryQuery } from "../src/log/read/history.ts";
import { builder } from "./builder.ts";
import { CURSOR_FAULTS, Event, EventPage, historyQuery, pageOfLog, refuseInFrames } from "./event.ts";
import { loader } from "./loader.ts";
import { Project } from "./project.ts";
import { loadProject } from "./project-load.ts";
import { subject } from "./subject.ts";

subject(Project, "project", {
  keyOf: ({ projectId }) => ({ projectId, id: projectId }),
  load: (ctx, { id }, asOf) => loadProject(ctx, { projectId: id }, undefined, asOf),
});

const loadEvents = loader({
  idOf: ({ projectId }: { readonly projectId: string }) => projectId,
  visible: sees,
  read: ({ log }, projects, query: HistoryQuery) =>
    log.historiesOfProjects(
      projects.map(({ projectId }) => projectId),
      query,
    ),
});

builder.objectField(Event, "project", (t) =>
  t.field({
    type: Project,
    nullable: true,
    description: "The project as it is now; null for events of the server itself.",
    resolve: ({ projectId, position }, _args, ctx) =>
      projectId === null ? null : loadProject(ctx, { projectId }, undefined, ctx.asOf && position),
  }),
);

builder.prismaObjectField(Project, "events", (t) =>
  t.field({
    type: EventPage,
    nullable: true,
    description: `What happened in it, whatever it is about. Not in subscriptions. ${CURSOR_FAULTS}`,
    args: pageOfLog(t),
    resolve: (project, page, ctx, info) => {
      refuseInFrames(info);
      return loadEvents(ctx, project, historyQuery(page, info));
    },
  }),
);
