import { RESERVATION_EVENTS } from "../src/event-types.ts";
import { builder } from "./builder.ts";
import { beginFrame, resumeFrom } from "./context.ts";
import { CURSOR_FAULTS, Event, EventFrame } from "./event.ts";
import { Reservation } from "./reservation.ts";
import { loadReservation } from "./reservation-links.ts";

builder.objectField(Event, "reservation", (t) =>
  t.field({
    type: Reservation,
    nullable: true,
    description:
      "The reservation as it is now, not as it was then (that is in payload). null when it is not about one. Those " +
      "that it makes or changes beside its subject stand in payload, as reservationIds.",
    resolve: ({ subjectType, subjectId, projectId, position }, _args, ctx) =>
      subjectType === "reservation" && projectId !== null
        ? loadReservation(ctx, { projectId, reservationId: subjectId }, undefined, ctx.asOf && position)
        : null,
  }),
);

const ReservationEventFilter = builder.inputType("ReservationEventFilter", {
  description: "Which events; what is left out selects everything this key sees.",
  fields: (t) => ({
    projects: t.idList({ description: "PROJECT_NOT_FOUND if one is unknown. Without it, also projects yet to come." }),
  }),
});

builder.subscriptionField("reservationEvents", (t) =>
  t.field({
    type: EventFrame,
    nullable: true,
    description:
      `What happens to reservations and artifact IDs (${RESERVATION_EVENTS.join(", ")}), in frames as those of ` +
      "taskEvents. An expiry is told within seconds, or in the next reservation of its type. Ends when the key is " +
      `revoked or expires. ${CURSOR_FAULTS}`,
    args: {
      filter: t.arg({ type: ReservationEventFilter, description: "Which events; without it all that this key sees." }),
      after: t.arg.string({ description: "A cursor to resume from; without it the stream starts now." }),
    },
    subscribe: (_root, { filter, after }, ctx) =>
      ctx.log.follow(ctx.viewer, {
        filter: { projects: filter?.projects, types: RESERVATION_EVENTS },
        after: resumeFrom(ctx, after),
      }),
    resolve: (frame, _args, ctx) => beginFrame(frame, ctx),
  }),
);
