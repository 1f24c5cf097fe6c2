import { sees } from "../src/access/visibility.ts";
import { projectNotFound } from "../src/errors.ts";
import {
  countReservationsOf,
  listReservationsOf,
  type ReservationPageArgs,
  type ReservationsOf,
  reservationsNow,
} from "../src/ids/reservations.ts";
import { builder } from "./builder.ts";
import type { GraphQLContext } from "./context.ts";
import { loader } from "./loader.ts";
import { Project } from "./project.ts";
import { loadProject } from "./project-load.ts";
import { Reservation, ReservationConnection, reservationOrder } from "./reservation.ts";
import { subject } from "./subject.ts";
import { loadTask, longOf } from "./task/load.ts";
import { Task } from "./task/task.ts";

interface ReservationKey {
  readonly projectId: string;
  readonly reservationId: string;
}

/** The reservation as it is now; null when there is none. */
export const loadReservation = loader({
  idOf: ({ reservationId }: ReservationKey) => reservationId,
  visible: sees,
  read: ({ db }, keys: readonly ReservationKey[]) =>
    reservationsNow(
      db,
      keys.map(({ reservationId }) => reservationId),
    ),
});

subject(Reservation, "reservation", {
  keyOf: ({ projectId, reservationId, ids, reservedAt }) => ({
    ...{ projectId, id: reservationId },
    // takeId of before named no reservation: its event is about the ID.
    ...(ids[0] !== undefined && { former: { type: "artifact_id", id: ids[0], at: reservedAt } }),
  }),
  load: async (ctx, { projectId, id }, asOf) =>
    projectId === null ? null : loadReservation(ctx, { projectId, reservationId: id }, undefined, asOf),
});

/** Pages of the reservations that belong to each of many things of one kind. */
function reservationsOf() {
  const idOf = ({ projectId, taskId }: ReservationsOf) => `${projectId}/${taskId ?? ""}`;
  const loadPage = loader({
    idOf,
    visible: sees,
    read: ({ db }, owners: readonly ReservationsOf[], page: ReservationPageArgs) =>
      listReservationsOf(db, owners, page),
  });
  const loadTotal = loader({ idOf, visible: sees, read: ({ db }, owners) => countReservationsOf(db, owners) });
  return async (owner: ReservationsOf, args: ReservationPageArgs, ctx: GraphQLContext) => {
    const page = await loadPage(ctx, owner, args);
    return page && { ...page, totalCount: async () => (await loadTotal(ctx, owner)) ?? 0 };
  };
}

const ofProject = reservationsOf();
const ofTask = reservationsOf();

builder.objectFields(Reservation, (t) => ({
  project: t.field({
    type: Project,
    description: "The project it is held for.",
    resolve: async (reservation, _args, ctx) =>
      (await loadProject(ctx, reservation)) ?? Promise.reject(projectNotFound(reservation.projectId)),
  }),
  task: t.field({
    type: Task,
    nullable: true,
    description: "The task it was made for; null if none was told, or it was deleted.",
    resolve: async ({ projectId, taskId }, _args, ctx, info) => {
      const task = taskId && (await loadTask(ctx, { projectId, taskId }, { long: longOf(info) }));
      return task && task.deletedAt === null ? task : null;
    },
  }),
}));

builder.prismaObjectField(Project, "reservations", (t) =>
  t.connection(
    {
      type: Reservation,
      description: "Its reservations, in pages of at most 100 (default 50).",
      args: { orderBy: reservationOrder(t) },
      resolve: ({ projectId }, args, ctx) => ofProject({ projectId }, args, ctx),
    },
    ReservationConnection,
  ),
);

builder.prismaObjectField(Task, "reservations", (t) =>
  t.connection(
    {
      type: Reservation,
      description: "What was reserved for it, in pages of at most 100 (default 50).",
      args: { orderBy: reservationOrder(t) },
      resolve: ({ projectId, taskId }, args, ctx) => ofTask({ projectId, taskId }, args, ctx),
    },
    ReservationConnection,
  ),
);
