import type { Project as ProjectShape } from "../prisma/generated/client/client.ts";
import { administers, sees } from "../src/access/visibility.ts";
import { webhooksNow } from "../src/delivery/webhooks/find.ts";
import type { Webhook as WebhookShape } from "../src/delivery/webhooks/webhook.ts";
import type { Reservation as ReservationShape } from "../src/ids/reservations.ts";
import { type ApiKey as ApiKeyShape, apiKeysNow } from "../src/keys/key.ts";
import type { HistoryQuery } from "../src/log/read/history.ts";
import type { Task as TaskShape } from "../src/tasks/fields.ts";
import { ApiKeyType } from "./api-key.ts";
import { builder } from "./builder.ts";
import { CURSOR_FAULTS, Event, EventPage, historyQuery, pageOfLog, refuseInFrames } from "./event.ts";
import { loader } from "./loader.ts";
import { Project } from "./project.ts";
import { loadProject } from "./project-load.ts";
import { Reservation } from "./reservation.ts";
import { loadReservation } from "./reservation-links.ts";
import { loadTask, longOf } from "./task/load.ts";
import { Task } from "./task/task.ts";
import { Webhook } from "./webhook.ts";

const loadApiKey = loader({
  idOf: (keyId: string) => keyId,
  // Whom it may be shown to is known once it is read.
  visible: ({ role }) => role === "admin",
  read: ({ db }, keyIds) => apiKeysNow(db, keyIds),
});

const loadWebhook = loader({
  idOf: (webhookId: string) => webhookId,
  visible: ({ role }) => role === "admin",
  read: ({ db }, webhookIds) => webhooksNow(db, webhookIds),
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

type Subject = ProjectShape | TaskShape | ReservationShape | ApiKeyShape | WebhookShape;

const EventSubject = builder.unionType("EventSubject", {
  description: "What an event can be about.",
  types: [Project, Task, Reservation, ApiKeyType, Webhook],
  resolveType(subject) {
    const has = (name: string) => name in (subject as Subject);
    if (has("reservationId")) return "Reservation";
    if (has("taskId")) return "Task";
    if (has("keyId")) return "ApiKey";
    return has("webhookId") ? "Webhook" : "Project";
  },
});

builder.objectFields(Event, (t) => ({
  project: t.field({
    type: Project,
    nullable: true,
    description: "The project as it is now; null for events of the server itself.",
    resolve: ({ projectId, position }, _args, ctx) =>
      projectId === null ? null : loadProject(ctx, { projectId }, undefined, ctx.asOf && position),
  }),
  subject: t.field({
    type: EventSubject,
    nullable: true,
    description:
      "What it is about, as it is now, deleted tasks too. null where that is gone, is no thing of its own (an artifact ID), or is a key or webhook that you do not administer.",
    async resolve({ projectId, subjectType, subjectId, position }, _args, ctx, info) {
      const asOf = ctx.asOf && position;
      if (subjectType === "api_key" || subjectType === "webhook") {
        const load = subjectType === "api_key" ? loadApiKey : loadWebhook;
        const subject = await load(ctx, subjectId, undefined, asOf);
        return subject && administers(ctx.viewer, subject) ? subject : null;
      }
      if (projectId === null) return null;
      if (subjectType === "project") return loadProject(ctx, { projectId: subjectId }, undefined, asOf);
      if (subjectType === "task") return loadTask(ctx, { projectId, taskId: subjectId }, { long: longOf(info) }, asOf);
      if (subjectType === "reservation")
        return loadReservation(ctx, { projectId, reservationId: subjectId }, undefined, asOf);
      return null;
    },
  }),
}));

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
