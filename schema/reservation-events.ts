import type { Db } from "../src/db/database.ts";
import { type Reservation as ReservationShape, reservationsNow } from "../src/ids/reservations.ts";
import { RESERVATION_EVENTS } from "../src/log/append.ts";
import type { Log } from "../src/log/log.ts";
import { builder } from "./builder.ts";
import { resumeFrom } from "./context.ts";
import { asNewRequest, CurrentState } from "./current-state.ts";
import { CURSOR_FAULTS, Event, EventFrame } from "./event.ts";
import { Reservation } from "./reservation.ts";

builder.objectField(Event, "reservation", (t) =>
  t.field({
    type: Reservation,
    nullable: true,
    description:
      "The reservation as it is now, not as it was then (that is in payload). null when it is not about one: nextId and " +
      "registerIds name what they gave in payload.",
    resolve: ({ subjectType, subjectId, position }, _args, { db, log }) =>
      subjectType === "reservation" ? currentReservations(db, log).load(subjectId, position, {}) : null,
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
      "taskEvents. An expiry is told when its numbers go back, in the next reservation of its type. Ends when the key is " +
      `revoked or expires. ${CURSOR_FAULTS}`,
    args: {
      filter: t.arg({ type: ReservationEventFilter }),
      after: t.arg.string({ description: "A cursor to resume from; without it the stream starts now." }),
    },
    subscribe: (_root, { filter, after }, ctx) =>
      ctx.log.follow(ctx.viewer, {
        filter: { projects: filter?.projects, types: RESERVATION_EVENTS },
        after: resumeFrom(ctx, after),
      }),
    resolve: (frame, _args, ctx) => asNewRequest(frame, ctx),
  }),
);

const loaders = new WeakMap<Log, CurrentState<string, ReservationShape>>();

function currentReservations(db: Db, log: Log): CurrentState<string, ReservationShape> {
  const made =
    loaders.get(log) ??
    new CurrentState<string, ReservationShape>(
      (reservationId) => reservationId,
      async (ids) => (await reservationsNow(db, ids)).map((row) => [row.reservationId, row]),
    );
  loaders.set(log, made);
  return made;
}
