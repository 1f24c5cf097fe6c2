import { z } from "zod";
import { graphql } from "../../../../client/gen/gql.ts";
import { defineRoute } from "../route.ts";

export const confirmIds = defineRoute({
  method: "POST",
  path: "/ids/confirm",
  summary: "Keep reserved IDs for good",
  description: "Safe to repeat. It works after their time as well, while nobody was given the numbers since.",
  body: z.strictObject({ reservation_id: z.string() }),
  answer: z.object({ reservation_id: z.string(), confirmed: z.boolean() }),
  document: graphql(`
    mutation RestConfirmIds($input: ConfirmReservationInput!) {
      confirmReservation(input: $input) {
        reservation {
          reservationId
        }
      }
    }
  `),
  codes: ["RESERVATION_EXPIRED"],
  async run({ body }, ask) {
    const { confirmReservation } = await ask({ input: { reservationId: body.reservation_id } });
    return { reservation_id: confirmReservation.reservation.reservationId, confirmed: true };
  },
});
