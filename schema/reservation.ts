import type { Answer } from "../src/db/idempotency.ts";
import { confirmReservation } from "../src/ids/confirm.ts";
import { extendReservation } from "../src/ids/extend.ts";
import { type Released, releaseReservation } from "../src/ids/release.ts";
import {
  findReservations,
  listReservations,
  type ReservationFilter,
  type Reservation as ReservationShape,
  reservation,
} from "../src/ids/reservations.ts";
import { type Reserved, reserveIds } from "../src/ids/reserve.ts";
import { builder } from "./builder.ts";
import { BRANCH, type GraphQLContext, IDEMPOTENCY_KEY, keyed, replayedDescription } from "./context.ts";
import { StringFilterInput } from "./filters.ts";

const ReservationStatus = builder.enumType("ReservationStatus", {
  description: "Where a reservation stands.",
  values: {
    ACTIVE: { value: "active", description: "Held until expiresAt." },
    CONFIRMED: { value: "confirmed", description: "Kept for good." },
    RELEASED: { value: "released", description: "Given back by its project." },
    EXPIRED: {
      value: "expired",
      description: "Not confirmed in time; its numbers go back, and may be confirmed until somebody gets them.",
    },
  } as const,
});

const ReservationRef = builder.objectRef<ReservationShape>("Reservation");

export const Reservation = builder.node(ReservationRef, {
  description:
    "Artifact numbers held for a project. IDs given by takeId, registerIds and addTasks stand here too, confirmed from the start.",
  id: { resolve: ({ reservationId }) => reservationId },
  loadMany: (ids: string[], ctx: GraphQLContext) => findReservations(ctx, ids),
  fields: (t) => ({
    reservationId: t.exposeID("reservationId", {
      description: "Names it in confirmReservation, extendReservation and releaseReservation.",
    }),
    projectId: t.exposeID("projectId", { description: "The project it is held for." }),
    namespace: t.exposeString("namespace", { description: "Where the numbers are unique." }),
    artifactType: t.exposeString("artifactType", { description: "The prefix, like US." }),
    ids: t.idList({
      description: "What it holds now, ascending; IDs that were recorded one by one have left it.",
      resolve: ({ ids }) => ids,
    }),
    status: t.expose("status", { type: ReservationStatus, description: "Where it stands now." }),
    reservedAt: t.expose("reservedAt", { type: "DateTime", description: "When it was made." }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      nullable: true,
      description: "Confirm or extend before this, else others may get the numbers; null once confirmed.",
    }),
    confirmedAt: t.expose("confirmedAt", {
      type: "DateTime",
      nullable: true,
      description: "When its IDs were kept for good; null: they have not been.",
    }),
    releasedAt: t.expose("releasedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was given back; null: it has not been.",
    }),
    branchName: t.exposeString("branch", { nullable: true, description: "The Git branch it was made for, if told." }),
    branch: t.exposeString("branch", {
      nullable: true,
      description: "Same as branchName.",
      deprecationReason: "Use branchName, as of a task.",
    }),
    taskId: t.exposeID("taskId", { nullable: true, description: "The task it was made for, if told." }),
  }),
});

export const ReservationConnection = builder.connectionObject(
  { name: "ReservationConnection", type: Reservation },
  { name: "ReservationEdge" },
);

const ReservationStatusFilter = builder.inputType("ReservationStatusFilter", {
  fields: (t) => ({ eq: t.field({ type: ReservationStatus }), in: t.field({ type: [ReservationStatus] }) }),
});

const ReservationFilterInput = builder.inputRef<ReservationFilter>("ReservationFilter").implement({
  description: "Everything given must hold; what is left out allows everything.",
  fields: (t) => ({
    projects: t.idList({ description: "PROJECT_NOT_FOUND if one is unknown or outside this key." }),
    artifactType: t.field({ type: StringFilterInput }),
    status: t.field({ type: ReservationStatusFilter }),
  }),
});

builder.queryFields((t) => ({
  reservation: t.field({
    type: Reservation,
    nullable: true,
    description: "One reservation, expired ones too. RESERVATION_EXPIRED when there is none that this key sees.",
    args: { reservationId: t.arg.id({ required: true, description: "reservationId of reserveIds or reservations." }) },
    resolve: (_root, { reservationId }, ctx) => reservation(ctx, reservationId),
  }),
  reservations: t.connection(
    {
      type: Reservation,
      nullable: true,
      description:
        "Reservations of every project this key sees, newest first, in pages of at most 100 (default 50). PROJECT_NOT_FOUND",
      args: { filter: t.arg({ type: ReservationFilterInput }) },
      resolve: (_root, args, ctx) => listReservations(ctx, args),
    },
    ReservationConnection,
  ),
}));

/** A payload with the reservation as it is now. */
const reservationPayload = <Shape extends { reservationId: string; replayed: boolean }>(name: string) =>
  builder.objectRef<Shape>(name).implement({
    description: "The reservation and what became of it.",
    fields: (t) => ({
      reservation: t.field({
        type: Reservation,
        description: "As it is now.",
        resolve: ({ reservationId }, _args, ctx) => reservation(ctx, reservationId),
      }),
      replayed: t.boolean({ description: replayedDescription, resolve: ({ replayed }) => replayed }),
    }),
  });

const NAMED = "reservationId of reserveIds or reservations.";

const ReserveIdsPayload = reservationPayload<Answer<Reserved>>("ReserveIdsPayload");
builder.objectField(ReserveIdsPayload, "reservedIds", (t) =>
  t.idList({ description: "Consecutive, ascending.", resolve: ({ reservedIds }) => reservedIds }),
);

const releasingPayload = (name: string) => {
  const payload = reservationPayload<Answer<Released>>(name);
  builder.objectField(payload, "released", (t) =>
    t.idList({
      description: "What went back, to be given again as the namespace's idReuse says.",
      resolve: ({ released }) => [...released],
    }),
  );
  return payload;
};

builder.mutationFields((t) => ({
  reserveIds: t.fieldWithInput({
    type: ReserveIdsPayload,
    nullable: true,
    description:
      "Holds consecutive IDs that nobody else can get: the lowest released run that fits, else the next numbers. Confirm them " +
      "before expiresAt, or they go back. PROJECT_NOT_FOUND, TASK_NOT_FOUND, ID_SPACE_EXHAUSTED, BAD_USER_INPUT naming the valid types",
    input: {
      projectId: t.input.id({ required: true, description: "The project that gets them." }),
      artifactType: t.input.string({
        required: true,
        description: "The prefix, like US; built in or one of the project's artifactTypes.",
      }),
      count: t.input.int({ defaultValue: 1, description: "1 to 100." }),
      ttlSeconds: t.input.int({ description: "Seconds until they expire unconfirmed: 1 to 604800, default 900." }),
      branchName: t.input.string({ description: BRANCH }),
      branch: t.input.string({ description: "Same as branchName.", deprecationReason: "Use branchName." }),
      taskId: t.input.id({ description: "A task of the project that it is for." }),
      createProject: t.input.boolean({ description: "Create a project that does not exist, if this key may." }),
      idempotencyKey: t.input.string({ description: "Ask again with it after a lost answer: the same IDs come back." }),
    },
    resolve: (_root, { input }, ctx, info) => reserveIds(ctx, keyed(input, ctx, info)),
  }),

  confirmReservation: t.fieldWithInput({
    type: releasingPayload("ConfirmReservationPayload"),
    nullable: true,
    description:
      "Keeps reserved IDs for good; safe to repeat. Works after expiresAt as well, while nobody was given the numbers since. " +
      "RESERVATION_EXPIRED when somebody was, or it was released or is not there; " +
      "BAD_USER_INPUT for IDs that are not in it",
    input: {
      reservationId: t.input.id({ required: true, description: NAMED }),
      ids: t.input.idList({ description: "Keep only these and give the rest back. All of them when left out." }),
      idempotencyKey: t.input.string({ description: IDEMPOTENCY_KEY }),
    },
    resolve: (_root, { input }, ctx, info) => confirmReservation(ctx, keyed(input, ctx, info)),
  }),

  extendReservation: t.fieldWithInput({
    type: reservationPayload<Answer<{ reservationId: string }>>("ExtendReservationPayload"),
    nullable: true,
    description:
      "Holds a reservation for longer; never shortens it. RESERVATION_EXPIRED after expiresAt: then confirm it, or reserve anew",

    input: {
      reservationId: t.input.id({ required: true, description: NAMED }),
      ttlSeconds: t.input.int({ description: "Seconds from now: 1 to 604800, default 900." }),
      idempotencyKey: t.input.string({ description: IDEMPOTENCY_KEY }),
    },
    resolve: (_root, { input }, ctx, info) => extendReservation(ctx, keyed(input, ctx, info)),
  }),

  releaseReservation: t.fieldWithInput({
    type: releasingPayload("ReleaseReservationPayload"),
    nullable: true,
    description: "Gives a whole reservation back. RESERVATION_EXPIRED; BAD_USER_INPUT when it is confirmed",
    input: {
      reservationId: t.input.id({ required: true, description: NAMED }),
      idempotencyKey: t.input.string({ description: IDEMPOTENCY_KEY }),
    },
    resolve: (_root, { input }, ctx, info) => releaseReservation(ctx, keyed(input, ctx, info)),
  }),
}));
