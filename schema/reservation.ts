import type { Sight } from "../src/access/visibility.ts";
import { reservationExpired } from "../src/errors.ts";
import { confirmReservation } from "../src/ids/confirm.ts";
import { extendReservation } from "../src/ids/extend.ts";
import { releaseReservation } from "../src/ids/release.ts";
import { releaseExpiredReservations } from "../src/ids/release-expired.ts";
import {
  findReservations,
  listReservations,
  NEWEST_RESERVATIONS,
  type ReservationFilter,
  type ReservationOrder,
  type Reservation as ReservationShape,
  reservation,
} from "../src/ids/reservations.ts";
import { justMade, reserveIds } from "../src/ids/reserve.ts";
import { type ArgumentBuilder, builder, type FieldBuilder, type InputBuilder } from "./builder.ts";
import { choiceEnum } from "./choice.ts";
import type { GraphQLContext } from "./context.ts";
import { DateFilterInput, enumFilterInput, StringFilterInput } from "./filters.ts";
import { loader } from "./loader.ts";
import { mutation } from "./mutation.ts";
import { orderInput } from "./order.ts";

const ReservationStatus = choiceEnum<ReservationShape["status"]>("ReservationStatus", "Where a reservation stands.", {
  active: "Held until expiresAt.",
  confirmed: "Kept for good.",
  released: "Given back by its project.",
  expired: "Not confirmed in time; its numbers go back, and may be confirmed until somebody gets them.",
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

const ReservationStatusFilter = enumFilterInput(ReservationStatus);

const ReservationOrderInput = orderInput<ReservationOrder["field"]>("Reservation", {
  reservedAt: "When it was made.",
  expiresAt: "Until when it is held, confirmed ones last.",
});

/** The argument of a list of reservations. */
export const reservationOrder = ({ arg }: ArgumentBuilder) =>
  arg({ type: ReservationOrderInput, defaultValue: NEWEST_RESERVATIONS, description: "Newest first, unless told." });

const ReservationFilterInput = builder.inputRef<ReservationFilter>("ReservationFilter").implement({
  description: "Everything given must hold; what is left out allows everything.",
  fields: (t) => ({
    projects: t.idList({ description: "PROJECT_NOT_FOUND if one is unknown or outside this key." }),
    artifactType: t.field({ type: StringFilterInput, description: "The prefix, like US; lower case is understood." }),
    status: t.field({ type: ReservationStatusFilter, description: "Active, confirmed, released or expired." }),
    branchName: t.field({ type: StringFilterInput, description: "The Git branch it was made for." }),
    branch: t.field({
      type: StringFilterInput,
      description: "Same as branchName.",
      deprecationReason: "Use branchName.",
    }),
    expiresAt: t.field({ type: DateFilterInput, description: "Until when it is held; empty once confirmed." }),
    and: t.field({ type: [ReservationFilterInput], description: "Each of these holds." }),
    or: t.field({ type: [ReservationFilterInput], description: "At least one of these holds." }),
    not: t.field({ type: ReservationFilterInput, description: "This does not hold." }),
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
        "Reservations of every project this key sees, in pages of at most 100 (default 50). PROJECT_NOT_FOUND",
      args: {
        filter: t.arg({ type: ReservationFilterInput, description: "Which reservations." }),
        orderBy: reservationOrder(t),
      },
      resolve: (_root, args, ctx) => listReservations(ctx, args),
    },
    ReservationConnection,
  ),
}));

/** Of what the viewer sees; null where that is none. */
const loadOwn = loader({
  idOf: (reservationId: string) => reservationId,
  // The statement asks for those who see the same.
  visible: () => true,
  read: ({ db }, reservationIds, viewer: Sight) => findReservations({ db, viewer }, reservationIds),
});

const reservationNow = async (reservationId: string, ctx: GraphQLContext) =>
  (await loadOwn(ctx, reservationId, { projectIds: ctx.viewer.projectIds })) ??
  Promise.reject(reservationExpired(reservationId));

/** The reservation of a mutation's result. */
const reservationOf = <Parent extends { readonly reservationId: string }>(
  t: FieldBuilder<Parent>,
  known: (parent: Parent) => ReservationShape | undefined = () => undefined,
) =>
  t.field({
    type: Reservation,
    description: "As it is now.",
    resolve: (parent, _args, ctx) => known(parent) ?? reservationNow(parent.reservationId, ctx),
  });

const releasedOf = <Parent extends { readonly released: readonly string[] }>(t: FieldBuilder<Parent>) =>
  t.idList({
    description: "What went back, to be given again as the namespace's idReuse says.",
    resolve: ({ released }) => [...released],
  });

/** What every mutation takes that gives IDs. */
export const givenIds = (t: InputBuilder) => ({
  projectId: t.id({ required: true, description: "The project that gets them." }),
  artifactType: t.string({
    required: true,
    description: "The prefix, like US; built in or one of the project's artifactTypes.",
  }),
  branchName: t.string({ description: "The Git branch it is for, at most 255 characters; a note for people." }),
  branch: t.string({ description: "Same as branchName.", deprecationReason: "Use branchName." }),
  taskId: t.id({ description: "A task of the project that it is for." }),
  createProject: t.boolean({ description: "Create a project that does not exist, if this key may." }),
});

const address = (t: InputBuilder) => ({
  reservationId: t.id({ required: true, description: "reservationId of reserveIds or reservations." }),
});

mutation(reserveIds, {
  description:
    "Holds consecutive IDs that nobody else can get: the lowest released run that fits, else the next numbers. Confirm them " +
    "before expiresAt, or they go back. PROJECT_NOT_FOUND, TASK_NOT_FOUND, ID_SPACE_EXHAUSTED, RATE_LIMITED, BAD_USER_INPUT naming the valid types",
  input: (t) => ({
    ...givenIds(t),
    count: t.int({ defaultValue: 1, description: "1 to 100." }),
    ttlSeconds: t.int({ description: "Seconds until they expire unconfirmed: 1 to 604800, default 900." }),
  }),
  payload: (t) => ({
    reservation: reservationOf(t, justMade),
    reservedIds: t.idList({ description: "Consecutive, ascending.", resolve: ({ reservedIds }) => reservedIds }),
  }),
});

mutation(confirmReservation, {
  description:
    "Keeps reserved IDs for good; safe to repeat. Works after expiresAt as well, while nobody was given the numbers since. " +
    "RESERVATION_EXPIRED when somebody was, or it was released or is not there; " +
    "BAD_USER_INPUT for IDs that are not in it",
  input: (t) => ({
    ...address(t),
    ids: t.idList({ description: "Keep only these and give the rest back. All of them when left out." }),
  }),
  payload: (t) => ({ reservation: reservationOf(t), released: releasedOf(t) }),
});

mutation(extendReservation, {
  description:
    "Holds a reservation for longer; never shortens it. RESERVATION_EXPIRED after expiresAt: then confirm it, or reserve anew",
  input: (t) => ({
    ...address(t),
    ttlSeconds: t.int({ description: "Seconds from now: 1 to 604800, default 900." }),
  }),
  payload: (t) => ({ reservation: reservationOf(t) }),
});

mutation(releaseReservation, {
  description: "Gives a whole reservation back. RESERVATION_EXPIRED; BAD_USER_INPUT when it is confirmed",
  input: address,
  payload: (t) => ({ reservation: reservationOf(t), released: releasedOf(t) }),
});

mutation(releaseExpiredReservations, {
  description:
    "Lets the IDs of expired reservations go back now, at most 10,000 of each sequence. The job reservations does so by itself, as does the next call that takes IDs of their sequence. PROJECT_NOT_FOUND",
  input: (t) => ({ projectId: t.id({ description: "Default: every project that this key sees." }) }),
  payload: (t) => ({
    count: t.exposeInt("count", { description: "How many reservations had expired and are over now." }),
  }),
});
